//! Samples as tensors of the model's inputs: `.npy`, `.npz` and images, with layout and resizing.
//!
//! Arrays are read once, up to the number of samples requested, and kept; images are decoded on demand.
//! Never: TOML, patterns of file names, measurements.

mod bmp;
mod decode;
mod elements;
mod facts;
mod fit;
mod format;
mod images;
mod input_spec;
mod labels;
mod npy;
mod npz;
mod opening;
mod part;
mod passage;
mod picture;
mod resize;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::graph::Tensor;
use crate::note::Note;
use crate::{Error, Result};

use format::Format;
use images::Images;
use input_spec::sides;
use passage::Passage;

pub use facts::{InputFacts, SampleFacts};
pub use format::FORMATS;
pub use images::{Channels, Fit, ImageOptions, Layout, Resize};
pub use input_spec::InputSpec;
pub use labels::{LabelSource, Labels};
pub use npy::write as write_npy;
pub use part::Part;
pub use passage::Way;

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
    /// Array of `.npz` files that is no input: the labels.
    pub besides: Option<String>,
    /// Table of the configuration that contains the request; errors name its keys.
    pub table: &'static str,
    /// Notes for the user about how the files were found.
    pub notes: Vec<Note>,
}

impl Request {
    /// Says which normalization images get, if nobody has chosen one.
    pub fn normalized(mut self) -> Request {
        if self.files.have_images() && !self.image.is_normalized() {
            let text = "images are fed as pixel / 255, from 0 to 1, since [calibration.image] has no `mean`, `std` or \
                        `scale`: with another normalization than in training, all figures are wrong";
            self.notes.push(Note::new(text));
        }
        self
    }

    /// Letterboxes photos unless the user has chosen another fit, as detection networks expect, and says so.
    pub fn letterbox(mut self) -> Request {
        if self.files.have_images() && self.image.resize.is_none() {
            self.image.resize = Some(Resize::Letterbox);
            let text = "the model is a detection network: photos are letterboxed to its input, with gray 114 around them \
                        (resize = \"stretch\" in [calibration.image] stretches them)";
            self.notes.push(Note::new(text));
        }
        self
    }
}

/// Sample files of the model's inputs.
pub enum Files {
    /// One set for all inputs.
    Shared(Vec<PathBuf>),
    /// Files by model input; an error if they were not found.
    PerInput(Vec<(String, Result<Vec<PathBuf>>)>),
}

impl Files {
    fn have_images(&self) -> bool {
        let are = |files: &[PathBuf]| files.iter().any(|file| Format::of(file) == Some(Format::Image));
        match self {
            Files::Shared(files) => are(files),
            Files::PerInput(named) => named.iter().any(|(_, files)| files.as_ref().is_ok_and(|files| are(files))),
        }
    }
}

/// Samples by index, each with one tensor per model input.
pub struct Samples {
    /// Sources by model input.
    sources: Arc<Vec<Source>>,
    inputs: Vec<InputSpec>,
    length: usize,
    files: Vec<PathBuf>,
    /// File of each sample, that of the first input where each has its own.
    origins: Vec<PathBuf>,
    /// Files of the first input, those of samples that were left out among them.
    found: Vec<PathBuf>,
    /// Maximum number of samples.
    wanted: usize,
    notes: Vec<Note>,
    /// Key that errors of single samples name.
    key: String,
    /// Way to the inputs of a cut network.
    passage: Option<Passage>,
}

enum Source {
    Kept(Vec<Tensor>),
    Images(Images),
}

impl Samples {
    /// Opens at most the requested number of samples. Errors name the part of the request that caused them.
    pub fn open(request: Request, inputs: &[InputSpec]) -> Result<Samples> {
        opening::open(&request, inputs)
    }

    /// "cats/3.png", or "sample 3 of calib.npz" where a file has several.
    pub fn describe(&self, index: usize) -> String {
        let Some(origin) = self.origins.get(index) else { return format!("sample {index}") };
        // Samples of one file follow each other; index is within.
        let before = self.origins[..index].iter().rev().take_while(|file| *file == origin).count();
        let is_alone = before == 0 && self.origins.get(index + 1) != Some(origin);
        if is_alone { origin.display().to_string() } else { format!("sample {before} of {}", origin.display()) }
    }

    /// Files of the samples, for hashing their contents.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns the model's inputs, with the shapes of the samples.
    pub fn inputs(&self) -> &[InputSpec] {
        &self.inputs
    }

    /// Returns the samples at the inputs of a network that begins behind the file's.
    pub fn through(&self, way: Way) -> Samples {
        let names: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
        Samples {
            sources: self.sources.clone(),
            inputs: self.inputs.clone(),
            length: self.length,
            files: self.files.clone(),
            origins: self.origins.clone(),
            found: self.found.clone(),
            wanted: self.wanted,
            notes: self.notes.clone(),
            key: self.key.clone(),
            passage: Some(Passage::new(way, &names, self.length)),
        }
    }

    fn of_file(&self, index: usize) -> Result<Vec<Tensor>> {
        let of = |source: &Source| match source {
            Source::Kept(tensors) => tensors.get(index).cloned().ok_or_else(|| no_sample(index)),
            Source::Images(images) => images.sample(index).map_err(|e| e.at_key(&self.key)),
        };
        self.sources.iter().map(of).collect()
    }

    /// Returns `true` if an input is fed with images.
    pub fn has_images(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Images(_)))
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
        match &self.passage {
            None => self.of_file(index),
            Some(passage) => passage.sample(index, || self.of_file(index)),
        }
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

/// Returns `true` if the file name is that of samples.
pub fn is_sample(file: &Path) -> bool {
    Format::of(file).is_some()
}

/// Returns `true` if all files are samples of one format, so that their folder stands for them.
pub fn are_of_one_format(files: &[PathBuf]) -> bool {
    Format::of_all(files).is_ok()
}

/// Returns the number of first bytes of a file that may set a model's shape, even if its samples are not used.
pub fn deciding_bytes(file: &Path) -> Option<usize> {
    (Format::of(file) == Some(Format::Npy)).then_some(npy::HEAD)
}
