//! `espq export`: the file that the chip loads, and the two that say what is in it.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::engine::{self, Exported, Wanted};
use crate::espdl::fit::Misfit;
use crate::project::{Overrides, Project};
use crate::quant::{Method, Scheme, Target};

use super::Failure;
use super::progress::Bar;
use super::report::{at_least_one, named};

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

    /// Write a file that the checks refuse
    #[arg(long)]
    force: bool,

    /// Another chip than the file's
    #[arg(long, value_parser = named(Target::ALL, Target::name), help_heading = "Instead of what espq.toml says")]
    target: Option<Target>,

    /// Another precision of the whole model
    #[arg(long, value_parser = named(Scheme::ALL, Scheme::name), help_heading = "Instead of what espq.toml says")]
    precision: Option<Scheme>,

    /// Another observer
    #[arg(long, value_parser = named(Method::ALL, Method::name), help_heading = "Instead of what espq.toml says")]
    method: Option<Method>,

    /// How many samples calibrate
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Instead of what espq.toml says")]
    samples: Option<usize>,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let mut project = Project::load(&arguments.path)?;
    project.config.apply(&Overrides {
        target: arguments.target,
        precision: arguments.precision,
        method: arguments.method,
        samples: arguments.samples,
    });
    if arguments.target.is_some() {
        project.problems.retain(|p| !p.message.starts_with("`model.target` is missing"));
    }
    if !project.problems.is_empty() {
        return Err(Failure::Problems(Box::new(project)));
    }
    match export(arguments, &project) {
        Ok(text) => Ok(text),
        Err(error) => Err(Failure::Within(Box::new(project), error)),
    }
}

fn export(arguments: &Arguments, project: &Project) -> crate::Result<String> {
    let configured = project.config.export.test_values.as_ref().is_some_and(|t| t.value);
    let wanted = Wanted { test_values: arguments.test_values || configured, encrypt: arguments.encrypt };
    let exported = engine::export(project, wanted, &Bar::new())?;
    if !exported.misfits.is_empty() && !arguments.force {
        return Err(refusal(&exported));
    }
    let model = project.model_path()?;
    let folder = match (&arguments.output, model.parent()) {
        (Some(folder), _) => folder.as_path(),
        (None, Some(folder)) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = model.file_stem().map_or_else(|| "model".to_string(), |s| s.to_string_lossy().into_owned());
    std::fs::create_dir_all(folder)
        .map_err(|e| Error::new(format!("the folder cannot be made: {e}")).in_file(folder))?;
    let files = [
        (format!("{name}.espdl"), exported.espdl.as_slice()),
        (format!("{name}.info"), exported.info.as_bytes()),
        (format!("{name}.json"), exported.quantization.as_bytes()),
    ];
    engine::write_together(folder, &files)?;
    Ok(said(&exported, folder, &name))
}

fn reason(misfit: &Misfit) -> String {
    match misfit.node.as_str() {
        "" => format!("{}: {}", misfit.what, misfit.help),
        node => format!("{node}: {}; {}", misfit.what, misfit.help),
    }
}

fn refusal(exported: &Exported) -> Error {
    let count = exported.misfits.len();
    let (target, runtime) = (exported.target, exported.runtime);
    let reasons: Vec<String> = exported.misfits.iter().map(|m| format!("\n  {}", reason(m))).collect();
    let many = if count == 1 { "a reason".to_string() } else { format!("{count} reasons") };
    Error::new(format!(
        "nothing is written: {target} with ESP-DL {runtime} would not run this model right, for {many}:{}",
        reasons.concat()
    ))
    .with_help("mend what is named; --force writes the files all the same")
}

fn said(exported: &Exported, folder: &Path, name: &str) -> String {
    let file = folder.join(format!("{name}.espdl"));
    let mut text = format!(
        "{}  {} bytes, for {} with ESP-DL {}\n",
        file.display(),
        exported.espdl.len(),
        exported.target,
        exported.runtime
    );
    text += &format!(
        "{}\n{}\n",
        folder.join(format!("{name}.info")).display(),
        folder.join(format!("{name}.json")).display()
    );
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
    section("Written by force, though the chip would not run it right:", exported.misfits.iter().map(reason).collect());
    section("Otherwise than esp-ppq 1.3.12 would write it:", exported.differences.clone());
    section("Notes:", exported.notes.clone());
    text
}
