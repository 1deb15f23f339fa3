//! `espq profile`: what a board measured, beside the estimates.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::chip::Target;
use crate::cost::Test;
use crate::engine::{self, Engine, Profile};
use crate::project::Overrides;
use crate::render::profile;
use crate::render::terminal::Terminal;
use crate::{Error, Result, file};

use super::overrides::{at_least_one, load, named};
use super::progress::Bar;
use super::{Failure, Outcome, cache, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables
    Text,
    /// Every figure
    Json,
}

/// Compares what a board printed with the estimates: test result, time by layer, memory
///
/// LOG is what `idf.py monitor` shows of a program that calls ESP-DL's `test()` and `profile()`, such as that of
/// `espq export --project`.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq profile board.log                      beside the project in this folder
  espq profile board.log nets/kws.espq.toml   beside another one
  espq profile board.log model.espdl          beside a file, esp-ppq's too
  espq profile board.log --fit                constants of the time model for this board
  espq profile board.log --fit -o board.toml  also a file of them, which `constants` of [board] names

Ends with 0 when the log was read, with 1 when the board's test failed, and with 2 on errors.")]
pub struct Arguments {
    /// Output of the board
    log: PathBuf,

    /// An espq.toml, the folder that contains one, or the .espdl file that the board ran
    #[arg(default_value = ".")]
    path: PathBuf,

    /// The chip, for a file that does not name it
    #[arg(long, value_parser = named(Target::ALL, Target::name))]
    target: Option<Target>,

    /// Fit the constants of the time model to the measured layers
    #[arg(long)]
    fit: bool,

    /// Write the fitted constants to this file, for `constants` of [board]
    #[arg(long, short, value_name = "FILE", requires = "fit")]
    output: Option<PathBuf>,

    /// Print only the N slowest layers
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    top: Option<usize>,

    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    cache: cache::Arguments,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<Outcome, Failure> {
    let Arguments { log, path, target, fit, .. } = arguments;
    let found = match is_file_of_chip(path) {
        true => engine::profile_of_file(log, path, None, *target, *fit)?,
        false => of_project(arguments)?,
    };
    let written = arguments.output.as_ref().map(|file| constants(&found, file, path)).transpose()?;
    let text = match arguments.format {
        Format::Text => profile(&found, arguments.top, out) + &written.unwrap_or_default(),
        Format::Json => json(&found)?,
    };
    Ok(Outcome { text, found: matches!(found.test, Some(Test::Failed(_))) })
}

/// Writes the fitted constants, and returns the line that names them.
fn constants(found: &Profile, file: &Path, project: &Path) -> Result<String> {
    let Some(fit) = &found.fit else {
        return Err(Error::new("there is nothing to fit: the log has no times of layers that the file has")
            .with_help("call `model->profile_module()` or `profile()` on the board; only the ESP32-P4 and ESP32-S3 have a time model"));
    };
    file::write(file, fit.file().as_bytes())?;
    let name = toml::Value::from(beside(file, project));
    Ok(format!("\nWrote {}; to use it, add to espq.toml:\n\n  [board]\n  constants = {name}\n", file.display()))
}

/// Returns the path of a file as the configuration of a project names it: relative to its folder, where it lies below it.
fn beside(file: &Path, project: &Path) -> String {
    let folder = if project.is_dir() { Some(project) } else { project.parent() };
    let place = |path: &Path| path.canonicalize().ok();
    let folder = folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let relative = place(file)
        .zip(folder.and_then(place))
        .and_then(|(file, folder)| file.strip_prefix(folder).map(Path::to_path_buf).ok().or(Some(file)));
    relative.unwrap_or_else(|| file.to_path_buf()).display().to_string().replace('\\', "/")
}

fn is_file_of_chip(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "espdl")
}

fn of_project(arguments: &Arguments) -> Result<Profile, Failure> {
    let project = load(&arguments.path, &Overrides { target: arguments.target, ..Overrides::default() })?;
    let engine = Engine::new(arguments.cache.chosen());
    let found = engine.open(project.clone()).profile(&arguments.log, arguments.fit, &Bar::new());
    found.map_err(|error| Failure::Within(Box::new(project), error))
}
