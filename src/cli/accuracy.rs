//! `espq accuracy`: counts right results on labelled samples, in float, simulated and on the chip.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use crate::Error;
use crate::engine::{Engine, Scored};
use crate::render;
use crate::render::ShownAccuracy;
use crate::render::terminal::Terminal;

use super::progress::Bar;
use super::{Failure, cache, json, overrides, tell};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, with the intervals that the number of samples allows
    Text,
    /// Every figure, unrounded
    Json,
}

/// Counts right results on labelled samples, in float, simulated and on the chip
///
/// The labels are those of [accuracy] in espq.toml. Classes are counted as top-1 and top-5, with 95% intervals; wanted outputs are
/// compared by their mean squared error. With accuracy.command, a program of your own reads the outputs and prints a number.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq accuracy                        the project in this folder
  espq accuracy --precision int16      as it would be at 16 bits, the file unchanged
  espq accuracy --format json          every figure, for a script

Ends with 0 when it could measure, whatever the figures, and with 2 when it could not.")]
pub struct Arguments {
    /// An espq.toml, or the folder that contains one
    #[arg(default_value = ".")]
    path: PathBuf,

    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    cache: cache::Arguments,

    #[command(flatten)]
    overrides: overrides::Arguments,
}

/// Results of both kinds of judges.
#[derive(Serialize)]
struct Shown<'a> {
    accuracy: Option<ShownAccuracy<'a>>,
    command: Option<Scored>,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<String, Failure> {
    let project = arguments.overrides.load(&arguments.path)?;
    let engine = Engine::new(arguments.cache.chosen());
    let (opened, bar) = (engine.open(project.clone()), Bar::new());
    let measured = opened.accuracy(&bar).and_then(|accuracy| Ok((accuracy, opened.scored(&bar)?)));
    let (accuracy, command) = match measured {
        Ok((None, None)) => return Err(Failure::Within(Box::new(project), unlabelled())),
        Ok(measured) => measured,
        Err(error) => return Err(Failure::Within(Box::new(project), error)),
    };
    for note in opened.labelled_notes()? {
        tell(&format!("note: {note}"));
    }
    match arguments.format {
        Format::Json => Ok(json(&Shown { accuracy: accuracy.as_deref().map(ShownAccuracy::of), command })?),
        Format::Text => {
            let accuracy = accuracy.map(|accuracy| render::accuracy(&accuracy, out));
            let command = command.map(|scored| render::scored(&scored, out));
            Ok(accuracy.into_iter().chain(command).collect::<Vec<_>>().join("\n"))
        }
    }
}

fn unlabelled() -> Error {
    Error::new("the samples have no labels")
        .at_key("accuracy.labels")
        .with_help("add a table [accuracy] with labels = \"folders\", a .csv or .npy file, or the name of an array in the .npz file")
}
