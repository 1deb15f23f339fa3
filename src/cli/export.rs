//! `espq export`: writes the file that the chip loads, with its text form and its quantization.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::engine::{Engine, ExportOptions, Exported, Firmware, Replaced};
use crate::project::Project;

use super::paths::relative;
use super::progress::Bar;
use super::{Failure, cache, overrides, tell};

/// Writes the model for the chip: NAME.espdl, with NAME.info and NAME.json beside it
///
/// The export is refused, with a list of layers, if the chip would not load the file, crash or compute something else.
/// Either all three files are written, or none. A file that another project of the repository was exported to is not
/// replaced.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq export                            the project in this folder, beside its model
  espq export -o build                   into another folder
  espq export --test-values              with a sample, for Model::test() on the chip
  espq export --project kws-on-board     also an ESP-IDF project that tests and measures the file
  espq export --encrypt                  AES-128, with a key made for this file

Ends with 0 when the files are written, and with 2 when they are not.")]
pub struct Arguments {
    /// An espq.toml, or the folder that holds one
    #[arg(default_value = ".")]
    path: PathBuf,

    /// The output folder; by default that of the model
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,

    /// Store a test input and its expected outputs in the file
    #[arg(long)]
    test_values: bool,

    /// Encrypt the file and print its key
    #[arg(long)]
    encrypt: bool,

    /// Also write an ESP-IDF project into this folder: it loads the file on the chip, tests it and measures it
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,

    /// Write the files even if the export is refused, without test values if they are not known, and over those of
    /// another project
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
    let test_values = arguments.test_values || configured || arguments.project.is_some();
    let wanted = ExportOptions { test_values, encrypt: arguments.encrypt };
    // Calibration results of a report, a hook or an editor are reused.
    let engine = Engine::new(arguments.cache.chosen());
    let opened = engine.open(project.clone());
    if let Some(other) = opened.replaced(arguments.output.as_deref())?.filter(|_| !arguments.force) {
        return Err(taken(&other)?);
    }
    let exported = opened.export(wanted, &Bar::new())?;
    if let Some(refusal) = exported.check().err().filter(|_| !arguments.force) {
        return Err(refusal.with_help("fix the layers listed above, or write the files anyway with --force"));
    }
    let firmware = arguments.project.as_ref().map(|folder| Ok((folder, exported.firmware(project)?)));
    let firmware = firmware.transpose()?;
    for sentence in &exported.over_limit {
        tell(&format!(
            "warning: {sentence}, so that the chip's results may differ from those of the float network\n  \
             help: `espq lint` measures what lowers it, and `espq optimize` takes no flash"
        ));
    }
    let written = exported.write(project, arguments.output.as_deref())?;
    let mut text = said(&exported, &written);
    if let Some((folder, firmware)) = firmware {
        firmware.write(folder)?;
        text += &steps(folder, &firmware);
    }
    Ok(text)
}

/// Makes the error of a file that another project was exported to.
fn taken(other: &Replaced) -> crate::Result<Error> {
    let project = relative(&other.project, Path::new("."))?;
    let help = "give one of them a name of its own (`name` in [export]), export into another folder with -o, or replace the \
                file with --force";
    Ok(other.refusal(&project).with_help(help))
}

/// The commands for an ESP-IDF project.
fn steps(folder: &Path, firmware: &Firmware) -> String {
    let folder = folder.display();
    let commands: String = firmware.commands.iter().map(|command| format!("  {command}\n")).collect();
    format!(
        "\nESP-IDF project in {folder}; run there, with ESP-IDF's environment:\n{commands}Then compare: espq profile {folder}/board.log\n"
    )
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
        "Written because of --force; the chip does not run it correctly:",
        exported.incompatibilities.iter().map(ToString::to_string).collect(),
    );
    section(
        "Written without the requested test values:",
        exported.untested.iter().map(|error| error.to_string().replace('\n', "\n  ")).collect(),
    );
    section("Differences from esp-ppq 1.3.12:", exported.differences.clone());
    section("Notes:", exported.notes.clone());
    text
}
