//! `espq report`: prints both error tables, the verdict on each output, and the time taken.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::analysis::{Report, changes};
use crate::cost::Cost;
use crate::engine::{self, Engine, Opened, Profile};
use crate::file;

use super::overrides::at_least_one;
use super::progress::Bar;
use super::{Failure, cache, overrides, paths};
use crate::render;
use crate::render::terminal::{Style, Terminal};
use crate::render::{Page, View, html, json, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables with bars
    Text,
    /// Every figure, exponent and statistic
    Json,
    /// A page with all of it, in one file that needs no network
    Html,
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
  espq report --cost                   what each layer costs on the chip: time, weights, values
  espq report --format json            every figure, for a script
  espq report --format html -o r.html  a page to look at and to send
  espq report --profile board.log      what a board measured, beside the estimates, in any format

Ends with 0 when it could measure, whatever the figures, and with 2 when it could not.")]
pub struct Arguments {
    /// An espq.toml, or the folder that contains one
    #[arg(default_value = ".")]
    path: PathBuf,

    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Write to this file instead of printing
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Compare with an earlier report in JSON: what became better and worse
    #[arg(long, value_name = "REPORT")]
    baseline: Option<PathBuf>,

    /// Also print range, mean, deviation, shape and saturation of every quantized layer's output
    #[arg(long)]
    statistics: bool,

    /// Also print kernel, time and bytes of every layer on the chip, the slowest first
    #[arg(long)]
    cost: bool,

    /// Also show what a board printed (as `espq profile` reads it) beside the estimates
    #[arg(long, value_name = "LOG")]
    profile: Option<PathBuf>,

    /// Print only the N worst layers of each table
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    top: Option<usize>,

    #[command(flatten)]
    cache: cache::Arguments,

    #[command(flatten)]
    overrides: overrides::Arguments,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<String, Failure> {
    let project = arguments.overrides.load(&arguments.path)?;
    if let Some(file) = &arguments.output {
        paths::check_output(file, std::slice::from_ref(&project))?;
    }
    let engine = Engine::new(arguments.cache.chosen());
    let (opened, bar) = (engine.open(project.clone()), Bar::new());
    let statistics = arguments.statistics || arguments.format == Format::Html;
    let log = arguments.profile.as_ref().map(|log| opened.profile(log, false, &bar)).transpose();
    let measured = log.and_then(|profile| Ok((opened.report(statistics, &bar)?, opened.cost(&bar)?, profile)));
    let (report, cost, profile) = match measured {
        Ok(measured) => measured,
        Err(error) => return Err(Failure::Within(Box::new(project), error)),
    };
    let cost = cost.as_deref();
    let Some(file) = &arguments.output else { return Ok(show(&report, cost, profile, &opened, arguments, out)?) };
    // A file has no colours, and the width of no terminal.
    let shown = show(&report, cost, profile, &opened, arguments, &Terminal { width: None, color: false })?;
    file::write(file, shown.as_bytes())?;
    Ok(format!("Wrote {}\n", file.display()))
}

fn show(
    report: &Report,
    cost: Option<&Cost>,
    profile: Option<Profile>,
    opened: &Opened,
    arguments: &Arguments,
    out: &Terminal,
) -> crate::Result<String> {
    let project = opened.project();
    let layer_limits = |layer: &str| project.config.limit_of(layer);
    let view = View {
        terminal: *out,
        statistics: arguments.statistics,
        cost: arguments.cost,
        top: arguments.top,
        output_limit: project.config.output_limit(),
        layer_limits: &layer_limits,
        trials: opened.known_trials(),
        profile,
    };
    match arguments.format {
        Format::Json => json(report, cost, &view),
        Format::Text => match &arguments.baseline {
            None => Ok(text(report, cost, &view)),
            Some(baseline) => {
                let found = changes(&engine::read_report(baseline)?, &report.into());
                let title = out.paint(Style::Title, &format!("Since {}", baseline.display()));
                Ok(format!("{}\n{title}\n\n{}", text(report, cost, &view), render::changes(&found, out)))
            }
        },
        Format::Html => {
            let weights = opened.largest_weights()?;
            html(&Page { report, cost, view: &view, project: &project.text, weights: &weights })
        }
    }
}
