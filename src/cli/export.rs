//! `espq export`: the file that the chip loads, and the two that say what is in it.

use std::path::PathBuf;

use crate::engine::{self, Engine, Exported, Options, Wanted};
use crate::project::Project;

use super::progress::Bar;
use super::{Failure, cache, overrides};

/// Writes the model as the chip loads it: NAME.espdl, with NAME.info and NAME.json beside it
///
/// The file is checked before anything is written: what the chip would refuse, crash at or get wrong is
/// said layer by layer, and nothing is written. The three files appear together, or none does.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq export                            the project in this folder, beside its model
  espq export -o build                   into another folder
  espq export --test-values              with a sample, for Model::test() on the chip
  espq export --encrypt                  AES-128, with a key made for this file

Ends with 0 when the files are written, and with 2 when they are not.")]
pub struct Arguments {
    /// An espq.toml, or the folder that holds one
    #[arg(default_value = ".")]
    path: PathBuf,

    /// The folder to write into; by default that of the model
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,

    /// Write a sample and what the chip makes of it into the file
    #[arg(long)]
    test_values: bool,

    /// Encrypt the file and print its key
    #[arg(long)]
    encrypt: bool,

    /// Write a file that the checks refuse, without test values where they are not known
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    cache: cache::Arguments,

    #[command(flatten)]
    overrides: overrides::Arguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let project = arguments.overrides.load(&arguments.path)?;
    match export(arguments, &project) {
        Ok(text) => Ok(text),
        Err(error) => Err(Failure::Within(Box::new(project), error)),
    }
}

fn export(arguments: &Arguments, project: &Project) -> crate::Result<String> {
    let configured = project.config.export.test_values();
    let wanted = Wanted { test_values: arguments.test_values || configured, encrypt: arguments.encrypt };
    // What a report, the hook or an editor has calibrated is not calibrated again.
    let engine = Engine::new(Options { cache: arguments.cache.chosen(), ..Options::default() });
    let exported = engine.open(project.clone()).export(wanted, &Bar::new())?;
    if let Some(refusal) = exported.refusal().filter(|_| !arguments.force) {
        return Err(refusal.with_help("mend what is named; --force writes the files all the same"));
    }
    let written = exported.write(project, arguments.output.as_deref())?;
    Ok(said(&exported, &written))
}

fn said(exported: &Exported, written: &[PathBuf]) -> String {
    let mut text = String::new();
    for (index, file) in written.iter().enumerate() {
        text += &file.display().to_string();
        if index == 0 {
            let (bytes, target, runtime) = (exported.espdl.len(), exported.target, exported.runtime);
            text += &format!("  {bytes} bytes, for {target} with ESP-DL {runtime}");
        }
        text.push('\n');
    }
    if let Some(key) = &exported.key {
        let bytes: Vec<String> = key.iter().map(|b| format!("0x{b:02x}")).collect();
        text += &format!("AES 128-bit secret key: {}\n", bytes.join(", "));
    }
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text += &format!("\n{title}\n");
            lines.iter().for_each(|line| text += &format!("  {line}\n"));
        }
    };
    section(
        "Written by force, though the chip would not run it right:",
        exported.misfits.iter().map(engine::reason).collect(),
    );
    section(
        "Without test values, though they were wanted:",
        exported.untested.iter().map(|error| error.to_string().replace('\n', "\n  ")).collect(),
    );
    section("Otherwise than esp-ppq 1.3.12 would write it:", exported.differences.clone());
    section("Notes:", exported.notes.clone());
    text
}
