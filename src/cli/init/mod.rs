//! `espq init`: writes a first espq.toml with the model's inputs and the samples beside it, and measures it.
//!
//! Never: keys of espq.toml in other words than `project` has.

mod find;
mod text;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::analysis::Report;
use crate::chip::Target;
use crate::engine::{Engine, Outline, outline};
use crate::project::Project;
use crate::render::terminal::Terminal;
use crate::render::{View, text as report_text};
use crate::text::units::count;
use crate::{Error, Result, file};

use super::overrides::named;
use super::paths::{folder_of, relative};
use super::progress::Bar;
use super::{Failure, cache, tell};

use text::{First, configuration};

/// Normalization of images, from pixels of 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Normalization {
    /// pixel / 255: from 0 to 1
    Unit,
    /// (pixel / 255 - 0.5) / 0.5: from -1 to 1
    Signed,
    /// (pixel / 255 - mean) / deviation of ImageNet, as torchvision's networks
    Imagenet,
    /// The pixel itself: from 0 to 255
    Raw,
}

impl Normalization {
    pub fn words(self) -> &'static str {
        match self {
            Normalization::Unit => "pixel / 255, from 0 to 1",
            Normalization::Signed => "(pixel / 255 - 0.5) / 0.5, from -1 to 1",
            Normalization::Imagenet => "(pixel / 255 - mean) / deviation of ImageNet",
            Normalization::Raw => "the pixel itself, from 0 to 255",
        }
    }
}

/// Writes a commented espq.toml for a model, and measures it
///
/// Samples beside the model are found: `.npz` and `.npy` files, folders of arrays or images. The first that fit the
/// model's inputs are taken, unless --data names others. The file contains the model's inputs, and what was assumed. An
/// existing file is never changed.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq init mobilenet_v2.onnx                    espq.toml in this folder
  espq init net.onnx --data ~/photos             with these samples
  espq init nets/kws.onnx -o nets/kws.espq.toml  several projects in one folder
  espq init kws.tflite --target esp32s3          a model of TensorFlow Lite, for another chip
  espq init net.pt2                              a program of torch.export")]
pub struct Arguments {
    /// The model's file
    model: PathBuf,

    /// The folder for espq.toml, or a file name that ends in .espq.toml
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    output: PathBuf,

    /// The chip
    #[arg(long, value_parser = named(Target::ALL, Target::name), default_value = "esp32p4")]
    target: Target,

    /// Samples: a file or a folder; by default, those beside the model
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,

    /// Normalization of images; in a terminal, espq asks
    #[arg(long, value_enum)]
    normalization: Option<Normalization>,

    /// Write the file without measuring
    #[arg(long)]
    no_report: bool,

    #[command(flatten)]
    cache: cache::Arguments,
}

/// Samples for a new project.
struct Samples {
    path: PathBuf,
    normalization: Option<Chosen>,
}

/// Normalization of a new project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    pub normalization: Normalization,
    /// Set if nobody has chosen it.
    pub is_assumed: bool,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<String, Failure> {
    let outline = outline(&arguments.model)?;
    let file = configuration_at(&arguments.output)?;
    // Before any work, and again when it is written.
    if file.exists() {
        return Err(exists(&file).into());
    }
    let folder = folder_of(&file);
    std::fs::create_dir_all(folder)
        .map_err(|e| Error::new(format!("the folder cannot be created: {e}")).in_file(folder))?;
    let new = New { arguments, outline: &outline, file: &file, model: relative(&arguments.model, folder)? };
    let samples = new.samples()?;
    let text = new.text(samples.as_ref(), None)?;
    let measured = samples.as_ref().filter(|_| !arguments.no_report).map(|_| new.measured(&text));
    // Fewer samples than the default are written as such, or lint would miss the others.
    let fewer = match &measured {
        Some(Ok(report)) => {
            Some(report.calibration_samples).filter(|&n| n < Project::parse("", "").config.calibration_samples())
        }
        _ => None,
    };
    let text = new.text(samples.as_ref(), fewer)?;
    write_new(&file, &text)?;
    Ok(new.told(samples.as_ref(), measured, &text, out))
}

/// A configuration that is about to be written.
struct New<'a> {
    arguments: &'a Arguments,
    outline: &'a Outline,
    file: &'a Path,
    /// Path of the model from the folder on.
    model: String,
}

impl New<'_> {
    /// Returns the samples that `--data` names, or the first beside the model that fit.
    fn samples(&self) -> Result<Option<Samples>> {
        if let Some(path) = &self.arguments.data {
            if !path.exists() {
                let error = Error::new("there are no such samples").in_file(path);
                return Err(error.with_help("`--data` takes a file or a folder; patterns belong into espq.toml"));
            }
            let samples = self.with_normalization(path);
            return self.fits(&samples).map(|()| Some(samples));
        }
        let folder = folder_of(self.file);
        let found = find::candidates(&[folder_of(&self.arguments.model), folder]);
        // Errors of candidates are no errors: nobody has named them.
        let fitting =
            found.iter().find(|path| self.fits(&Samples { path: (*path).clone(), normalization: None }).is_ok());
        Ok(fitting.map(|path| self.with_normalization(path)))
    }

    fn with_normalization(&self, path: &Path) -> Samples {
        let given = self.arguments.normalization.map(|normalization| Chosen { normalization, is_assumed: false });
        let normalization = find::are_images(path).then(|| given.unwrap_or_else(asked));
        Samples { path: path.to_path_buf(), normalization }
    }

    /// Fails if the samples are not those of the model's inputs.
    fn fits(&self, samples: &Samples) -> Result<()> {
        let project = Project::parse(self.file, self.text(Some(samples), None)?);
        Engine::new(None).open(project).session().map(|_| ())
    }

    fn text(&self, samples: Option<&Samples>, fewer: Option<usize>) -> Result<String> {
        let data = samples.map(|samples| relative(&samples.path, folder_of(self.file))).transpose()?;
        Ok(configuration(&First {
            model: &self.model,
            target: self.arguments.target,
            inputs: &self.outline.inputs,
            layer: self.outline.layer.as_deref(),
            has_scales: self.outline.has_scales,
            data: data.as_deref(),
            samples: fewer,
            normalization: samples.and_then(|samples| samples.normalization),
        }))
    }

    fn measured(&self, text: &str) -> Result<Report> {
        let engine = Engine::new(self.arguments.cache.chosen());
        engine.open(Project::parse(self.file, text)).report(false, &Bar::new())
    }

    /// Says what was written, what was assumed, the first figures, and the next command.
    fn told(&self, samples: Option<&Samples>, measured: Option<Result<Report>>, text: &str, out: &Terminal) -> String {
        let shown = |path: &Path| path.strip_prefix(".").unwrap_or(path).display().to_string();
        let place = match shown(self.file) {
            name if name == "espq.toml" => String::new(),
            name if name.ends_with("/espq.toml") => format!(" {}", folder_of(self.file).display()),
            name => format!(" {name}"),
        };
        let (file, model) = (shown(self.file), &self.arguments.model);
        // Where nobody has named the folder, it is this one, whatever the model's.
        let is_elsewhere =
            folder_of(self.file) == Path::new(".") && relative(folder_of(model), Path::new(".")) != Ok(String::new());
        let wrote = match is_elsewhere {
            true => format!("Wrote {file} into this folder, for {}", shown(model)),
            false => format!("Wrote {file}"),
        };
        let Some(samples) = samples else {
            let calib = match self.outline.inputs.as_slice() {
                [_] => folder_of(self.file).join("calib"),
                _ => folder_of(self.file).join("calib.npz"),
            };
            return format!(
                "{wrote}. Put samples into {} as described there, then run:\n  espq report{place}\n",
                shown(&calib)
            );
        };
        let mut told = format!("{wrote}, with the samples in {}.\n", shown(&samples.path));
        if let Some(Chosen { normalization, is_assumed }) = samples.normalization {
            let assumed = match is_assumed {
                true => " Check this with the training script:\nwith another normalization, all figures are wrong.",
                false => "",
            };
            told += &format!("Images are fed as {}.{assumed}\n", normalization.words());
        }
        match measured {
            None => told += &format!("Next:\n  espq report{place}\n"),
            Some(Err(error)) => {
                let help = error.help().map(|help| format!("\n  help: {help}")).unwrap_or_default();
                told += &format!("It cannot be measured yet: {error}{help}\nThen run:\n  espq report{place}\n");
            }
            Some(Ok(report)) => {
                let project = Project::parse(self.file, text);
                let view = View {
                    terminal: *out,
                    statistics: false,
                    cost: false,
                    top: Some(5),
                    output_limit: project.config.output_limit(),
                    layer_limits: &|layer| project.config.limit_of(layer),
                    trials: None,
                    profile: None,
                };
                let samples = count(report.calibration_samples, "sample");
                told += &format!("\n{}\nMeasured with {samples}. Next:\n", report_text(&report, None, &view));
                told += &format!("  espq lint{place}     what to change, with the measured effect of each fix\n");
                told += &format!("  espq export{place}   the file for the chip\n");
            }
        }
        told
    }
}

/// Asks for the normalization in a terminal; elsewhere, assumes pixel / 255.
fn asked() -> Chosen {
    let all = Normalization::value_variants();
    let assumed = Chosen { normalization: all[0], is_assumed: true };
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return assumed;
    }
    tell("How are pixels of 0 to 255 normalized for the network?");
    for (number, one) in all.iter().enumerate() {
        tell(&format!("  {} {}", number + 1, one.words()));
    }
    loop {
        let _ = write!(std::io::stderr(), "Number [1]: ");
        let mut line = String::new();
        let chosen = match std::io::stdin().lock().read_line(&mut line) {
            // At the end of the input, nobody has answered.
            Ok(0) | Err(_) => return assumed,
            Ok(_) if line.trim().is_empty() => all.first(),
            Ok(_) => line.trim().parse::<usize>().ok().and_then(|number| all.get(number.checked_sub(1)?)),
        };
        match chosen {
            Some(&normalization) => return Chosen { normalization, is_assumed: false },
            None => tell(&format!("Write a number from 1 to {}.", all.len())),
        }
    }
}

fn exists(file: &Path) -> Error {
    let help = "choose another name: `-o NAME.espq.toml`";
    Error::new("already exists and was left unchanged").in_file(file).with_help(help)
}

/// Returns the configuration that `-o` stands for.
fn configuration_at(output: &Path) -> Result<PathBuf> {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    match name == "espq.toml" || name.ends_with(".espq.toml") {
        true => Ok(output.to_path_buf()),
        false if name.ends_with(".toml") => Err(Error::new("espq finds only espq.toml and *.espq.toml")
            .in_file(output)
            .with_help(format!("`-o {}`", output.with_extension("espq.toml").display()))),
        false => Ok(output.join("espq.toml")),
    }
}

fn write_new(file: &Path, text: &str) -> Result<()> {
    match file::create_new(file, text.as_bytes())? {
        true => Ok(()),
        false => Err(exists(file)),
    }
}

#[cfg(test)]
#[path = "../init_tests.rs"]
mod tests;
