//! The samples that a configuration names, as tensors of the model's inputs.
//!
//! Arrays are read once and kept, as far as they are asked for; images are decoded on demand.
//! Never: what is measured from samples.

mod elements;
mod images;
mod npy;
mod npz;
mod resize;

use std::path::{Path, PathBuf};

use crate::graph::{DataType, Graph, Tensor};
use crate::{Error, Kind, Result};

use super::config::{Data, Spanned};
use super::locate;
use super::{Config, Project};
use images::Images;

/// What the model wants at one input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSpec {
    pub name: String,
    pub data_type: DataType,
    pub shape: Vec<usize>,
}

impl InputSpec {
    /// The inputs of a graph whose shapes are known.
    pub fn of(graph: &Graph) -> Result<Vec<InputSpec>> {
        let spec = |id| {
            let value = graph.value(id);
            let name = value.name.clone();
            match (value.data_type, &value.shape) {
                (Some(data_type), Some(shape)) => Ok(InputSpec { name, data_type, shape: shape.clone() }),
                _ => Err(Error::new(format!("the shape of input `{name}` is not known"))),
            }
        };
        graph.inputs.iter().copied().map(spec).collect()
    }

    fn elements(&self) -> usize {
        // Shapes of a loaded graph have been checked to fit memory.
        self.shape.iter().product()
    }

    /// "1x3x224x224 float32"
    fn describe(&self) -> String {
        format!("{} {}", sides(&self.shape), self.data_type.name())
    }
}

/// The files of one model input; of all of them where the name is empty.
pub struct Named {
    pub input: String,
    pub files: Vec<PathBuf>,
}

/// Samples by index, each one tensor a model input.
pub struct Samples {
    /// By model input.
    sources: Vec<Source>,
    length: usize,
    files: Vec<PathBuf>,
    notes: Vec<String>,
}

enum Source {
    Kept(Vec<Tensor>),
    Images(Images),
}

impl Samples {
    /// At most `calibration.samples` of those that `calibration.data` names.
    pub fn open(project: &Project, inputs: &[InputSpec]) -> Result<Samples> {
        let Some(data) = &project.config.calibration.data else {
            return Err(Error::new("where samples are is not said")
                .at_key("calibration.data")
                .with_help("add data = \"calib/*.npy\""));
        };
        let wanted = project.config.calibration_samples();
        let mut opened = Opened { config: &project.config, wanted, files: Vec::new(), notes: Vec::new() };
        let sources = match &data.value {
            Data::One(pattern) => {
                let files = find(project, pattern).map_err(|e| e.at_key("calibration.data"))?;
                opened.shared(files, inputs).map_err(|e| e.at_key("calibration.data"))?
            }
            Data::PerInput(patterns) => {
                let named: Vec<(&str, &str)> =
                    patterns.iter().map(|(i, d)| (i.value.as_str(), d.value.as_str())).collect();
                opened.per_input(project, &named, inputs)?
            }
        };
        opened.finish(sources)
    }

    /// The files that the configuration names, before any is opened.
    pub fn named(project: &Project) -> Result<Vec<Named>> {
        let find = |pattern: &str| find(project, pattern).map_err(|e| e.at_key("calibration.data"));
        match project.config.calibration.data.as_ref().map(|d| &d.value) {
            None => Ok(Vec::new()),
            Some(Data::One(pattern)) => Ok(vec![Named { input: String::new(), files: find(pattern)? }]),
            Some(Data::PerInput(patterns)) => {
                let named = |(input, pattern): &(Spanned<String>, Spanned<String>)| {
                    let key = format!("calibration.data.\"{}\"", input.value);
                    let files = self::find(project, &pattern.value).map_err(|e| e.at_key(key))?;
                    Ok(Named { input: input.value.clone(), files })
                };
                patterns.iter().map(named).collect()
            }
        }
    }

    /// Files that the samples come from, for whoever hashes contents.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What a person should know though nothing is wrong, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl crate::exec::Samples for Samples {
    fn len(&self) -> usize {
        self.length
    }

    fn sample(&self, index: usize) -> Result<Vec<Tensor>> {
        let of = |source: &Source| match source {
            Source::Kept(tensors) => tensors.get(index).cloned().ok_or_else(|| no_sample(index)),
            Source::Images(images) => images.sample(index).map_err(|e| e.at_key("calibration.data")),
        };
        self.sources.iter().map(of).collect()
    }
}

impl Source {
    fn len(&self) -> usize {
        match self {
            Source::Kept(tensors) => tensors.len(),
            Source::Images(images) => images.len(),
        }
    }
}

fn no_sample(index: usize) -> Error {
    Error::new(format!("there is no sample {index}"))
}

struct Opened<'a> {
    config: &'a Config,
    wanted: usize,
    files: Vec<PathBuf>,
    notes: Vec<String>,
}

impl Opened<'_> {
    /// One set of files for all inputs.
    fn shared(&mut self, files: Vec<PathBuf>, inputs: &[InputSpec]) -> Result<Vec<Source>> {
        match (Format::of_all(&files)?, inputs) {
            (Format::Npz, _) => self.npz(&files, inputs),
            (format, [input]) => Ok(vec![self.source(format, files, input)?]),
            (format, _) => {
                let names: Vec<String> = inputs.iter().map(|i| format!("\"{}\" = \"...\"", i.name)).collect();
                let what = match format {
                    Format::Image => "images feed",
                    _ => "a .npy file feeds",
                };
                Err(Error::new(format!("{what} one input, and the model has {}", inputs.len())).with_help(format!(
                    "give each input its own: data = {{ {} }}, or a .npz file with all of them",
                    names.join(", ")
                )))
            }
        }
    }

    fn per_input(&mut self, project: &Project, data: &[(&str, &str)], inputs: &[InputSpec]) -> Result<Vec<Source>> {
        let names = || inputs.iter().map(|i| i.name.as_str());
        for &(name, _) in data {
            if !names().any(|n| n == name) {
                let help = match super::nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its inputs are {}", names().collect::<Vec<_>>().join(", ")),
                };
                return Err(Error::new(format!("the model has no input `{name}`"))
                    .at_key(format!("calibration.data.\"{name}\""))
                    .with_help(help));
            }
        }
        let source = |input: &InputSpec| {
            let Some(&(_, pattern)) = data.iter().find(|(name, _)| *name == input.name) else {
                return Err(Error::new(format!("input `{}` has no samples", input.name))
                    .at_key("calibration.data")
                    .with_help(format!("add \"{}\" = \"...\", samples of {}", input.name, input.describe())));
            };
            let at_key = |e: Error| e.at_key(format!("calibration.data.\"{}\"", input.name));
            let files = find(project, pattern).map_err(at_key)?;
            let format = Format::of_all(&files).map_err(at_key)?;
            self.source(format, files, input).map_err(at_key)
        };
        inputs.iter().map(source).collect()
    }

    fn source(&mut self, format: Format, mut files: Vec<PathBuf>, input: &InputSpec) -> Result<Source> {
        if format == Format::Npz {
            // One input, one source.
            return self.npz(&files, std::slice::from_ref(input)).map(|mut sources| sources.remove(0));
        }
        if format == Format::Image {
            files.truncate(self.wanted);
            self.files.extend_from_slice(&files);
            return Ok(Source::Images(Images::new(files, input, &self.config.calibration.image)?));
        }
        let mut tensors = Vec::new();
        for file in files {
            if tensors.len() < self.wanted {
                tensors.extend(npy::load(&file, input, self.wanted - tensors.len()).map_err(|e| e.in_file(&file))?);
                self.files.push(file);
            }
        }
        Ok(Source::Kept(tensors))
    }

    fn npz(&mut self, files: &[PathBuf], inputs: &[InputSpec]) -> Result<Vec<Source>> {
        let mut kept: Vec<Vec<Tensor>> = vec![Vec::new(); inputs.len()];
        for file in files {
            let have = kept.iter().map(Vec::len).min().unwrap_or(0);
            if have >= self.wanted {
                break;
            }
            let arrays = npz::load(file, inputs, self.wanted - have).map_err(|e| e.in_file(file))?;
            let count = self.even(&arrays, inputs, file);
            for (kept, mut array) in kept.iter_mut().zip(arrays) {
                array.truncate(count);
                kept.append(&mut array);
            }
            self.files.push(file.clone());
        }
        Ok(kept.into_iter().map(Source::Kept).collect())
    }

    /// The number of samples that all arrays of one file have.
    fn even(&mut self, arrays: &[Vec<Tensor>], inputs: &[InputSpec], file: &Path) -> usize {
        let count = arrays.iter().map(Vec::len).min().unwrap_or(0);
        for (array, input) in arrays.iter().zip(inputs).filter(|(a, _)| a.len() > count) {
            self.notes.push(format!(
                "{}: input `{}` has {} samples and another input {count}; only the first {count} are used",
                file.display(),
                input.name,
                array.len()
            ));
        }
        count
    }

    fn finish(mut self, sources: Vec<Source>) -> Result<Samples> {
        let length = sources.iter().map(Source::len).min().unwrap_or(0);
        if length == 0 {
            return Err(Error::new("the files hold no samples")
                .at_key("calibration.data")
                .with_help("their first axis counts samples, and it is 0: save some"));
        }
        if sources.iter().any(|s| s.len() != length) {
            let counts: Vec<String> = sources.iter().map(|s| s.len().to_string()).collect();
            self.notes.push(format!(
                "the inputs have {} samples; only the first {length} of each are used",
                counts.join(" and ")
            ));
        }
        // Asked for in so many words: the default is a maximum.
        if length < self.wanted && self.config.calibration.samples.is_some() {
            self.notes.push(format!("{length} samples are there, {} were asked for", self.wanted));
        }
        Ok(Samples { sources, length, files: self.files, notes: self.notes })
    }
}

fn find(project: &Project, pattern: &str) -> Result<Vec<PathBuf>> {
    let path = project.resolve(pattern);
    let mut files = locate::files(&path)?;
    if path.is_dir() {
        // A folder may hold a README beside its samples; a pattern means what it matches.
        let all = files.len();
        files.retain(|f| Format::of(f).is_some());
        if files.is_empty() {
            let what = match all {
                0 => format!("folder {} is empty", path.display()),
                n => format!("folder {} holds no samples among its {n} files", path.display()),
            };
            return Err(Error::new(what).with_help(format!("put samples there: {FORMATS}")).of_kind(Kind::Missing));
        }
    }
    if files.is_empty() {
        let what = match locate::is_pattern(pattern) {
            true => format!("no file matches {}", path.display()),
            false => format!("there is no file or folder {}", path.display()),
        };
        return Err(Error::new(what).with_help("paths are relative to the folder of espq.toml").of_kind(Kind::Missing));
    }
    Ok(files)
}

const FORMATS: &str = ".npy, .npz, .png, .jpg or .bmp files";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Npz,
    Image,
}

impl Format {
    fn of(file: &Path) -> Option<Format> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "npy" => Some(Format::Npy),
            "npz" => Some(Format::Npz),
            "png" | "jpg" | "jpeg" | "bmp" => Some(Format::Image),
            _ => None,
        }
    }

    /// The one format of several files.
    fn of_all(files: &[PathBuf]) -> Result<Format> {
        let mut first = None;
        for file in files {
            let Some(format) = Format::of(file) else {
                return Err(Error::new("is no file of samples")
                    .in_file(file)
                    .with_help(format!("samples are {FORMATS}")));
            };
            match first {
                None => first = Some((format, file)),
                Some((other, other_file)) if other != format => {
                    return Err(Error::new(format!(
                        "{} and {} are of different formats",
                        other_file.display(),
                        file.display()
                    ))
                    .with_help("name those of one format, as in data = \"calib/*.npy\""));
                }
                Some(_) => {}
            }
        }
        first.map(|(format, _)| format).ok_or_else(|| Error::new("there are no files"))
    }
}

/// "1x3x224x224"
fn sides(shape: &[usize]) -> String {
    match shape {
        [] => "a single number".to_string(),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x"),
    }
}

#[cfg(test)]
mod tests;
