//! `espq report`: prints both error tables, the verdict on each output, and the time taken.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::analysis::Report;
use crate::engine::{Engine, Options};
use crate::project::Project;

use super::progress::Bar;
use super::{Failure, cache, overrides};
use crate::render::terminal::Terminal;
use crate::render::{View, json, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables with bars
    Text,
    /// Every figure, exponent and statistic
    Json,
}

/// Quantizes the model and prints the error, layer by layer
///
/// Graphwise error is the cumulative error up to each layer with the whole network quantized. Layerwise error is the
/// error on the outputs with only that layer quantized. Both are noise-to-signal power ratios over the first samples;
/// look at layers above 1%.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq report                          the project in this folder
  espq report nets/kws.espq.toml       another one
  espq report --precision int16        as it would be at 16 bits, the file unchanged
  espq report --top 10 --statistics    the ten worst layers, and the ranges of all tensors
  espq report --format json            every figure, for a script

Ends with 0 when it could measure, whatever the figures, and with 2 when it could not.")]
pub struct Arguments {
    /// An espq.toml, or the folder that contains one
    #[arg(default_value = ".")]
    path: PathBuf,

    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Also print range, mean, deviation, shape and saturation of every quantized layer's output
    #[arg(long)]
    statistics: bool,

    /// Print only the N worst layers of each table
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    #[command(flatten)]
    cache: cache::Arguments,

    #[command(flatten)]
    overrides: overrides::Arguments,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<String, Failure> {
    let project = arguments.overrides.load(&arguments.path)?;
    let engine = Engine::new(Options { cache: arguments.cache.chosen(), ..Options::default() });
    match engine.open(project.clone()).report(arguments.statistics, &Bar::new()) {
        Ok(report) => Ok(show(&report, &project, arguments, out)?),
        Err(error) => Err(Failure::Within(Box::new(project), error)),
    }
}

fn show(report: &Report, project: &Project, arguments: &Arguments, out: &Terminal) -> crate::Result<String> {
    match arguments.format {
        Format::Json => json(report),
        Format::Text => Ok(text(
            report,
            &View {
                terminal: *out,
                statistics: arguments.statistics,
                top: arguments.top,
                output_limit: project.config.output_limit(),
                layer_limit: project.config.layer_limit(),
            },
        )),
    }
}
