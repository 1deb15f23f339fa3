//! `espq compare`: shows what became better and worse between two projects, reports or files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use crate::analysis::{Changes, Figures, changes};
use crate::engine::{self, Engine};
use crate::project::Overrides;
use crate::render::terminal::Terminal;
use crate::render::{self, inspect};
use crate::{Error, Result};

use super::progress::Bar;
use super::{Failure, cache, json, overrides};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Outputs with a verdict, and layers with other figures
    Text,
    /// Every difference, for a script
    Json,
}

/// Compares two projects, two reports, or two ESP-DL files
///
/// A project is measured; a report is a file that `espq report --format json` wrote. Outputs count as better or worse
/// beyond the standard error over the samples. Two `.espdl` files are compared field by field.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq compare int8.espq.toml int16.espq.toml    two configurations of a model
  espq compare report.json .                     an earlier report, and the project as it is
  espq compare ours.espdl theirs.espdl           two exported files

The exit code is 0 if both could be read, and 2 on errors.")]
pub struct Arguments {
    /// An espq.toml or its folder, a report in JSON, or an .espdl file
    before: PathBuf,

    /// One of the same kind, later
    after: PathBuf,

    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    cache: cache::Arguments,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<String, Failure> {
    let Arguments { before, after, .. } = arguments;
    match (has_ending(before, "espdl"), has_ending(after, "espdl")) {
        (true, true) => return Ok(files(arguments, out)?),
        (false, false) => {}
        _ => {
            let error = Error::new("an .espdl file has no figures to compare with a report or a project");
            return Err(error.with_help("compare two .espdl files, or the projects that they are of").into());
        }
    }
    let engine = Engine::new(arguments.cache.chosen());
    let found = changes(&figures(&engine, before)?, &figures(&engine, after)?);
    Ok(show(&found, arguments.format, out)?)
}

fn show(found: &Changes, format: Format, out: &Terminal) -> Result<String> {
    match format {
        Format::Text => Ok(render::changes(found, out)),
        Format::Json => json(found),
    }
}

fn figures(engine: &Arc<Engine>, path: &Path) -> Result<Figures, Failure> {
    if has_ending(path, "json") {
        return Ok(engine::read_report(path)?);
    }
    let project = overrides::load(path, &Overrides::default())?;
    match engine.open(project.clone()).measured(&Bar::new()) {
        Ok(report) => Ok(Figures::from(&*report)),
        Err(error) => Err(Failure::Within(Box::new(project), error)),
    }
}

fn files(arguments: &Arguments, out: &Terminal) -> Result<String> {
    let [before, after] = [&arguments.before, &arguments.after].map(|path| engine::inspect::open(path, None));
    let differences = engine::inspect::diff(&before?, &after?)?;
    match arguments.format {
        Format::Text => Ok(inspect::differences(&differences, out)),
        Format::Json => json(&differences),
    }
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.is_file() && path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}
