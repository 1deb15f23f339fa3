//! Samples as tensors of the model's inputs: `.npy`, `.npz` and images, with layout and resizing.
//!
//! Arrays are read once, up to the number of samples requested, and kept; images are decoded on demand.
//! Never: TOML, patterns of file names, measurements.

mod elements;
mod images;
mod npy;
mod npz;
mod part;
mod resize;

use std::path::{Path, PathBuf};

use crate::graph::{DataType, Graph, Tensor};
use crate::note::Note;
use crate::{Error, Result};

use crate::text::nearest;
use images::Images;

pub use images::{Channels, ImageOptions, Layout, Resize};
pub use part::Part;

/// Name, type and shape of a model input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSpec {
    /// Name of the input.
    pub name: String,
    /// Type of the elements.
    pub data_type: DataType,
    /// Lengths of the axes, including the batch axis of 1.
    pub shape: Vec<usize>,
}

impl InputSpec {
    /// Returns the inputs of a graph, whose shapes must be known.
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

/// Request for samples: their files, and their conversion to tensors.
pub struct Request {
    /// Files to open, in order.
    pub files: Files,
    /// Maximum number of samples to open.
    pub wanted: usize,
    /// Set if the user configured the number: fewer samples are then worth a note.
    pub is_number_named: bool,
    /// Conversion of images.
    pub image: ImageOptions,
    /// Table of the configuration that contains the request; errors name its keys.
    pub table: &'static str,
    /// Notes for the user about how the files were found.
    pub notes: Vec<Note>,
}

/// Sample files of the model's inputs.
pub enum Files {
    /// One set for all inputs.
    Shared(Vec<PathBuf>),
    /// Files by model input; an error if they were not found.
    PerInput(Vec<(String, Result<Vec<PathBuf>>)>),
}

/// Samples by index, each with one tensor per model input.
pub struct Samples {
    /// Sources by model input.
    sources: Vec<Source>,
    length: usize,
    files: Vec<PathBuf>,
    notes: Vec<Note>,
    /// Key that errors of single samples name.
    key: String,
}

enum Source {
    Kept(Vec<Tensor>),
    Images(Images),
}

impl Samples {
    /// Opens at most the requested number of samples. Errors name the part of the request that caused them.
    pub fn open(request: Request, inputs: &[InputSpec]) -> Result<Samples> {
        let table = request.table;
        let mut opened = Opening { request: &request, files: Vec::new(), notes: request.notes.clone() };
        let sources = match &request.files {
            Files::Shared(files) => opened.shared(files.clone(), inputs).map_err(|e| e.at_key("data")),
            Files::PerInput(named) => opened.per_input(named, inputs),
        };
        sources.and_then(|sources| opened.finish(sources)).map_err(|e| e.in_table(table))
    }

    /// Files of the samples, for hashing their contents.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Notes for the user about conditions that are not errors.
    pub fn notes(&self) -> &[Note] {
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
            Source::Images(images) => images.sample(index).map_err(|e| e.at_key(&self.key)),
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

struct Opening<'a> {
    request: &'a Request,
    files: Vec<PathBuf>,
    notes: Vec<Note>,
}

impl Opening<'_> {
    /// Opens one set of files for all inputs.
    fn shared(&mut self, files: Vec<PathBuf>, inputs: &[InputSpec]) -> Result<Vec<Source>> {
        match (Format::of_all(&files)?, inputs) {
            (Format::Npz, _) => self.npz(&files, inputs),
            (format, [input]) => Ok(vec![self.source(format, files, input)?]),
            (format, _) => {
                let names: Vec<String> = inputs.iter().map(|i| format!("\"{}\" = \"...\"", i.name)).collect();
                let what = match format {
                    Format::Image => "images feed",
                    _ => "a .npy file holds",
                };
                Err(Error::new(format!("{what} one input, but the model has {}", inputs.len())).with_help(format!(
                    "give each input its own files: data = {{ {} }}, or a .npz file with all of them",
                    names.join(", ")
                )))
            }
        }
    }

    fn per_input(&mut self, named: &[(String, Result<Vec<PathBuf>>)], inputs: &[InputSpec]) -> Result<Vec<Source>> {
        let names = || inputs.iter().map(|i| i.name.as_str());
        for (name, _) in named {
            if !names().any(|n| n == name) {
                let help = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its inputs are {}", names().collect::<Vec<_>>().join(", ")),
                };
                return Err(Error::new(format!("the model has no input `{name}`"))
                    .at_key(format!("data.\"{name}\""))
                    .with_help(help));
            }
        }
        let source = |input: &InputSpec| {
            let Some((_, files)) = named.iter().find(|(name, _)| *name == input.name) else {
                return Err(Error::new(format!("input `{}` has no samples", input.name))
                    .at_key("data")
                    .with_help(format!("add \"{}\" = \"...\", samples of {}", input.name, input.describe())));
            };
            let at_key = |e: Error| e.at_key(format!("data.\"{}\"", input.name));
            let files = files.clone().map_err(at_key)?;
            let format = Format::of_all(&files).map_err(at_key)?;
            self.source(format, files, input).map_err(at_key)
        };
        inputs.iter().map(source).collect()
    }

    fn source(&mut self, format: Format, mut files: Vec<PathBuf>, input: &InputSpec) -> Result<Source> {
        if format == Format::Npz {
            // One input has one source.
            return self.npz(&files, std::slice::from_ref(input)).map(|mut sources| sources.remove(0));
        }
        if format == Format::Image {
            files.truncate(self.request.wanted);
            self.files.extend_from_slice(&files);
            return Ok(Source::Images(Images::new(files, input, &self.request.image)?));
        }
        let mut tensors = Vec::new();
        for file in files {
            if tensors.len() < self.request.wanted {
                tensors.extend(
                    npy::load(&file, input, self.request.wanted - tensors.len()).map_err(|e| e.in_file(&file))?,
                );
                self.files.push(file);
            }
        }
        Ok(Source::Kept(tensors))
    }

    fn npz(&mut self, files: &[PathBuf], inputs: &[InputSpec]) -> Result<Vec<Source>> {
        let mut kept: Vec<Vec<Tensor>> = vec![Vec::new(); inputs.len()];
        for file in files {
            let have = kept.iter().map(Vec::len).min().unwrap_or(0);
            if have >= self.request.wanted {
                break;
            }
            let arrays = npz::load(file, inputs, self.request.wanted - have).map_err(|e| e.in_file(file))?;
            let count = self.even(&arrays, inputs, file);
            for (kept, mut array) in kept.iter_mut().zip(arrays) {
                array.truncate(count);
                kept.append(&mut array);
            }
            self.files.push(file.clone());
        }
        Ok(kept.into_iter().map(Source::Kept).collect())
    }

    /// Returns the number of samples that all arrays of one file contain.
    fn even(&mut self, arrays: &[Vec<Tensor>], inputs: &[InputSpec], file: &Path) -> usize {
        let count = arrays.iter().map(Vec::len).min().unwrap_or(0);
        for (array, input) in arrays.iter().zip(inputs).filter(|(a, _)| a.len() > count) {
            self.notes.push(Note::new(format!(
                "{}: input `{}` has {} samples and another input {count}; only the first {count} are used",
                file.display(),
                input.name,
                array.len()
            )));
        }
        count
    }

    fn finish(mut self, sources: Vec<Source>) -> Result<Samples> {
        let length = sources.iter().map(Source::len).min().unwrap_or(0);
        if length == 0 {
            return Err(Error::new("the files hold no samples")
                .at_key("data")
                .with_help("the first axis is the number of samples, and it is 0: save at least one sample"));
        }
        if sources.iter().any(|s| s.len() != length) {
            let counts: Vec<String> = sources.iter().map(|s| s.len().to_string()).collect();
            self.notes.push(Note::new(format!(
                "the inputs have {} samples; only the first {length} of each are used",
                counts.join(" and ")
            )));
        }
        // The note is for configured numbers only: the default is a maximum.
        if length < self.request.wanted && self.request.is_number_named {
            self.notes.push(Note::new(format!("found {length} samples, but {} are configured", self.request.wanted)));
        }
        let key = format!("{}.data", self.request.table);
        Ok(Samples { sources, length, files: self.files, notes: self.notes, key })
    }
}

/// Returns `true` if the file name is that of samples.
pub fn is_sample(file: &Path) -> bool {
    Format::of(file).is_some()
}

/// Formats of sample files, as listed in messages.
pub const FORMATS: &str = ".npy, .npz, .png, .jpg or .bmp files";

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

    /// Returns the common format of several files.
    fn of_all(files: &[PathBuf]) -> Result<Format> {
        let mut first = None;
        for file in files {
            let Some(format) = Format::of(file) else {
                return Err(Error::new("is not a sample file")
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
                    .with_help("select files of one format, as in data = \"calib/*.npy\""));
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
