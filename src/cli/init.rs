//! `espq init`: writes a first espq.toml with the model's inputs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use crate::chip::Target;
use crate::engine::{Outline, outline};
use crate::project::{Initial, initial};
use crate::samples::InputSpec;
use crate::{Error, Result};

use super::Failure;
use super::overrides::named;

/// Writes a commented espq.toml for a model
///
/// The file contains the model's inputs and where to put their samples. An existing file is never changed.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq init mobilenet_v2.onnx                    espq.toml in this folder
  espq init nets/kws.onnx -o nets/kws.espq.toml  several projects in one folder
  espq init kws.tflite --target esp32s3          a model of TensorFlow Lite, for another chip")]
pub struct Arguments {
    /// The model: .onnx or .tflite
    model: PathBuf,

    /// The folder for espq.toml, or a file name that ends in .espq.toml
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    output: PathBuf,

    /// The chip
    #[arg(long, value_parser = named(Target::ALL, Target::name), default_value = "esp32p4")]
    target: Target,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let Outline { inputs, layer } = outline(&arguments.model)?;
    let file = file(&arguments.output)?;
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|e| Error::new(format!("the folder cannot be created: {e}")).in_file(folder))?;
    let model = relative(&arguments.model, folder)?;
    write_new(&file, &configuration(&model, arguments.target, &inputs, layer.as_deref()))?;
    let samples = match inputs.as_slice() {
        [_] => folder.join("calib"),
        _ => folder.join("calib.npz"),
    };
    let samples = samples.strip_prefix(".").map(Path::to_path_buf).unwrap_or(samples);
    Ok(format!(
        "Wrote {}. Put samples into {} as described there, then run:\n  espq report{}\n",
        file.strip_prefix(".").unwrap_or(&file).display(),
        samples.display(),
        match file.strip_prefix(".").unwrap_or(&file) {
            f if f == Path::new("espq.toml") => String::new(),
            f if f.ends_with("espq.toml") => format!(" {}", folder.display()),
            f => format!(" {}", f.display()),
        }
    ))
}

fn file(output: &Path) -> Result<PathBuf> {
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
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut opened = opened.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new("already exists and was left unchanged")
            .in_file(file)
            .with_help("choose another name: `-o NAME.espq.toml`"),
        _ => Error::new(format!("cannot be written: {e}")).in_file(file),
    })?;
    opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all())
        .map_err(|e| Error::new(format!("cannot be written: {e}")).in_file(file))
}

/// Returns the path from a folder to a file, with forward slashes.
fn relative(file: &Path, folder: &Path) -> Result<String> {
    let real = |path: &Path| path.canonicalize().map_err(|e| Error::new(format!("cannot be found: {e}")).in_file(path));
    let (file, folder) = (real(file)?, real(folder)?);
    let (mut to, mut from) = (file.components().peekable(), folder.components().peekable());
    while to.peek().is_some() && to.peek() == from.peek() {
        to.next();
        from.next();
    }
    let up = from.map(|_| "..".to_string());
    let down = to.map(|c| match c {
        Component::Normal(name) => name.to_string_lossy().into_owned(),
        other => other.as_os_str().to_string_lossy().into_owned(),
    });
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}

fn configuration(model: &str, target: Target, inputs: &[InputSpec], layer: Option<&str>) -> String {
    let plain = |key: &str, value| Initial { key: key.to_string(), comment: None, value, is_example: false };
    let layer = quoted(layer.unwrap_or("/features/0/Conv"));
    let mut values = vec![
        plain("model.path", quoted(model)),
        plain("model.target", quoted(target.name())),
        data(inputs),
        example(&format!("precision.{layer}"), "\"int16\"".to_string()),
    ];
    values.extend(input_shape(inputs));
    values.extend(image(inputs));
    initial(&values)
}

fn example(key: &str, value: String) -> Initial {
    Initial { key: key.to_string(), comment: None, value, is_example: true }
}

/// An example for a model that leaves dimensions free.
fn input_shape(inputs: &[InputSpec]) -> Option<Initial> {
    const LENGTH: usize = 224;
    let shape = |input: &InputSpec| {
        let length = |(axis, &length): (usize, &usize)| match input.free.iter().any(|(free, _)| *free == axis) {
            true => LENGTH,
            false => length,
        };
        input.shape.iter().enumerate().map(length).collect::<Vec<usize>>()
    };
    if inputs.iter().all(|input| input.free.is_empty()) {
        return None;
    }
    let value = match inputs {
        [input] => format!("{:?}", shape(input)),
        _ => {
            let each: Vec<String> = inputs.iter().map(|i| format!("{} = {:?}", quoted(&i.name), shape(i))).collect();
            format!("{{ {} }}", each.join(", "))
        }
    };
    Some(example("model.input-shape", value))
}

fn data(inputs: &[InputSpec]) -> Initial {
    let lines: String = inputs.iter().map(|i| format!("  {}\n", describe(i))).collect();
    let (comment, value) = match inputs {
        [input] => (
            format!(
                "Typical samples, preprocessed as in training, for the model's input:\n{lines}\
                 One .npy file each, or one .npy or .npz file of {} for N samples{}.",
                batch(&input.describe()),
                if pixels(&input.shape).is_some() { ", or a folder of images" } else { "" },
            ),
            "\"calib/*.npy\"",
        ),
        _ => {
            let each: Vec<String> = inputs.iter().map(|i| format!("{} = \"...\"", quoted(&i.name))).collect();
            let comment = format!(
                "Typical samples, preprocessed as in training, for the model's inputs:\n{lines}\
                 One .npz file with an array for each, the sample as first axis; or separate files:\n\
                 data = {{ {} }}",
                each.join(", ")
            );
            (comment, "\"calib.npz\"")
        }
    };
    let comment = Some(comment);
    Initial { key: "calibration.data".to_string(), comment, value: value.to_string(), is_example: false }
}

/// "input.1   1x3x224x224 float32"
fn describe(input: &InputSpec) -> String {
    format!("{}  {}", input.name, input.describe())
}

/// "Nx3x224x224", from "1x3x224x224 float32"
fn batch(input: &str) -> String {
    let sides = input.split(' ').next().unwrap_or_default();
    let rest = match sides.strip_prefix('1') {
        Some(rest) if rest.is_empty() || rest.starts_with('x') => rest.to_string(),
        _ => format!("x{sides}"),
    };
    format!("N{rest}")
}

/// Returns channels, height and width if a shape looks like that of an image.
fn pixels(shape: &[usize]) -> Option<[usize; 3]> {
    let likely = |c: usize, h: usize, w: usize| matches!(c, 1 | 3) && h >= 8 && w >= 8;
    match *shape {
        [1, c, h, w] if likely(c, h, w) => Some([c, h, w]),
        [1, h, w, c] if likely(c, h, w) => Some([c, h, w]),
        _ => None,
    }
}

fn image(inputs: &[InputSpec]) -> Vec<Initial> {
    let Some([channels, height, width]) = inputs.iter().find_map(|i| pixels(&i.shape)) else { return Vec::new() };
    let (mean, std) = match channels {
        1 => ("0.5", "0.5"),
        _ => ("[0.485, 0.456, 0.406]", "[0.229, 0.224, 0.225]"),
    };
    vec![
        example("calibration.image.size", format!("[{height}, {width}]")),
        example("calibration.image.mean", mean.to_string()),
        example("calibration.image.std", std.to_string()),
    ]
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
#[path = "init_tests.rs"]
mod tests;
