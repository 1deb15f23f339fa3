//! Opening of the requested files: a source for each input, with shapes that free inputs take from their samples.
//!
//! Never: single samples, which are read later.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::graph::Tensor;
use crate::note::Note;
use crate::text::nearest;
use crate::{Error, Kind, Result, file};

use super::format::Format;
use super::images::{self, Images};
use super::input_spec::sides;
use super::{Files, InputSpec, Request, Samples, Source, npy, npz};

/// Opens at most the requested number of samples. Errors name the part of the request that caused them.
pub fn open(request: &Request, inputs: &[InputSpec]) -> Result<Samples> {
    let table = request.table;
    let mut opened = Opening {
        request,
        inputs: inputs.to_vec(),
        settled_by: vec![None; inputs.len()],
        files: Vec::new(),
        origins: Vec::new(),
        notes: request.notes.clone(),
    };
    let sources = match &request.files {
        Files::Shared(files) => opened.shared(files.clone()).map_err(|e| e.at_key("data")),
        Files::PerInput(named) => opened.per_input(named),
    };
    sources.and_then(|sources| opened.finish(sources)).map_err(|e| e.in_table(table))
}

struct Opening<'a> {
    request: &'a Request,
    inputs: Vec<InputSpec>,
    /// File that set the shape of each free input.
    settled_by: Vec<Option<PathBuf>>,
    files: Vec<PathBuf>,
    /// File of each sample of the first input.
    origins: Vec<PathBuf>,
    notes: Vec<Note>,
}

impl Opening<'_> {
    /// Opens one set of files for all inputs.
    fn shared(&mut self, files: Vec<PathBuf>) -> Result<Vec<Source>> {
        match (Format::of_all(&files)?, self.inputs.len()) {
            (Format::Npz, count) => self.npz(&files, 0..count),
            (format, 1) => Ok(vec![self.source(format, files, 0)?]),
            (format, count) => {
                let names: Vec<String> = self.inputs.iter().map(|i| format!("\"{}\" = \"...\"", i.name)).collect();
                let what = match format {
                    Format::Image => "images feed",
                    _ => "a .npy file holds",
                };
                Err(Error::new(format!("{what} one input, but the model has {count}")).with_help(format!(
                    "give each input its own files: data = {{ {} }}, or a .npz file with all of them",
                    names.join(", ")
                )))
            }
        }
    }

    fn per_input(&mut self, named: &[(String, Result<Vec<PathBuf>>)]) -> Result<Vec<Source>> {
        let names = || self.inputs.iter().map(|i| i.name.as_str());
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
        (0..self.inputs.len()).map(|index| self.own(named, index)).collect()
    }

    /// The samples of one input from its own files.
    fn own(&mut self, named: &[(String, Result<Vec<PathBuf>>)], index: usize) -> Result<Source> {
        let input = &self.inputs[index];
        let Some((_, files)) = named.iter().find(|(name, _)| *name == input.name) else {
            return Err(Error::new(format!("input `{}` has no samples", input.name))
                .at_key("data")
                .with_help(format!("add \"{}\" = \"...\", samples of {}", input.name, input.describe())));
        };
        let key = format!("data.\"{}\"", input.name);
        let source = files.clone().and_then(|files| self.source(Format::of_all(&files)?, files, index));
        source.map_err(|e| e.at_key(key))
    }

    fn source(&mut self, format: Format, mut files: Vec<PathBuf>, index: usize) -> Result<Source> {
        if format == Format::Npz {
            // One input, one source.
            return self.npz(&files, index..index + 1).map(|mut sources| sources.remove(0));
        }
        if format == Format::Image {
            files.truncate(self.request.wanted);
            self.files.extend_from_slice(&files);
            self.from(index, &files);
            let input = images::settled(&self.inputs[index], &files, &self.request.image)?;
            let images = Images::new(files, &input, &self.request.image)?;
            self.inputs[index] = input;
            return Ok(Source::Images(images));
        }
        let mut tensors = Vec::new();
        for file in files {
            let wanted = self.request.wanted - tensors.len();
            if wanted > 0 {
                let settle = &mut |shape: &[usize]| self.settle(index, shape, &file);
                let loaded = npy::load(&file, settle, wanted).map_err(|e| unread(e, &file))?;
                self.from(index, &vec![file.clone(); loaded.len()]);
                tensors.extend(loaded);
                self.files.push(file);
            } else if self.settled_by[index].is_some() {
                // Files behind the last one wanted have to be of the one size, too.
                npy::shape(&file).and_then(|shape| self.settle(index, &shape, &file)).map_err(|e| unread(e, &file))?;
            }
        }
        Ok(Source::Kept(tensors))
    }

    fn npz(&mut self, files: &[PathBuf], inputs: Range<usize>) -> Result<Vec<Source>> {
        let mut kept: Vec<Vec<Tensor>> = vec![Vec::new(); inputs.len()];
        for file in files {
            let have = kept.iter().map(Vec::len).min().unwrap_or(0);
            if have >= self.request.wanted {
                break;
            }
            let names: Vec<String> = self.inputs[inputs.clone()].iter().map(|input| input.name.clone()).collect();
            let wanted = self.request.wanted - have;
            let besides = self.request.besides.as_deref();
            let settle = &mut |at: usize, shape: &[usize]| self.settle(inputs.start + at, shape, file);
            let arrays = npz::load(file, &names, besides, settle, wanted).map_err(|e| unread(e, file))?;
            let count = self.even(&arrays, inputs.clone(), file);
            for (kept, mut array) in kept.iter_mut().zip(arrays) {
                array.truncate(count);
                kept.append(&mut array);
            }
            self.files.push(file.clone());
            self.from(inputs.start, &vec![file.clone(); count]);
        }
        Ok(kept.into_iter().map(Source::Kept).collect())
    }

    /// Records the files of samples, if they are of the first input.
    fn from(&mut self, index: usize, files: &[PathBuf]) {
        if index == 0 {
            self.origins.extend_from_slice(files);
        }
    }

    /// Returns the files of the first input.
    fn found(&self) -> Vec<PathBuf> {
        match (&self.request.files, self.inputs.first()) {
            (Files::Shared(files), _) => files.clone(),
            (Files::PerInput(named), Some(first)) => {
                let own = named.iter().find(|(name, _)| *name == first.name);
                own.and_then(|(_, files)| files.clone().ok()).unwrap_or_default()
            }
            (Files::PerInput(_), None) => Vec::new(),
        }
    }

    /// Returns the input with the lengths of an array of samples: the first array sets those that the model leaves free.
    fn settle(&mut self, index: usize, array: &[usize], file: &Path) -> Result<InputSpec> {
        let input = &self.inputs[index];
        if input.free.is_empty() {
            return match &self.settled_by[index] {
                Some(first) if npy::samples_in(array, &input.shape).is_none() => Err(two_sizes(input, array, first)),
                _ => Ok(input.clone()),
            };
        }
        let settled = input.settled(array).ok_or_else(|| {
            let what = format!("the array is {}, but input `{}` expects {}", sides(array), input.name, input.sides());
            let help = "the first axis counts samples; the rest is the input's shape without its batch of 1";
            Error::new(what).with_help(help).of_kind(Kind::Shape)
        })?;
        self.inputs[index] = settled.clone();
        self.settled_by[index] = Some(file.to_path_buf());
        Ok(settled)
    }

    /// Returns the number of samples that all arrays of one file contain.
    fn even(&mut self, arrays: &[Vec<Tensor>], inputs: Range<usize>, file: &Path) -> usize {
        let count = arrays.iter().map(Vec::len).min().unwrap_or(0);
        for (array, input) in arrays.iter().zip(&self.inputs[inputs]).filter(|(a, _)| a.len() > count) {
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
        let found = self.found();
        self.origins.truncate(length);
        Ok(Samples {
            sources: Arc::new(sources),
            inputs: self.inputs,
            length,
            files: self.files,
            origins: self.origins,
            found,
            wanted: self.request.wanted,
            notes: self.notes,
            key,
            passage: None,
        })
    }
}

/// Names the file of an error, and recognizes what often is in its place.
pub fn unread(error: Error, file: &Path) -> Error {
    let mut start = [0; 64];
    let read = file::open(file).ok().and_then(|mut opened| opened.read(&mut start).ok()).unwrap_or(0);
    let is_empty = std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.len() == 0);
    let error = match file::is_lfs_pointer(&start[..read]) {
        true => file::lfs_pointer("samples"),
        false if is_empty => {
            let help = error.help().unwrap_or("save the samples again");
            Error::new("the file is empty, 0 bytes").with_help(help)
        }
        false => error,
    };
    error.in_file(file)
}

/// Returns the error for samples of two shapes at an input whose shape is free.
fn two_sizes(input: &InputSpec, array: &[usize], first: &Path) -> Error {
    let shape = sides(&input.shape);
    let what = format!(
        "the array is {}, and {} has samples of {shape} for input `{}`",
        sides(array),
        first.display(),
        input.name
    );
    let help = format!(
        "the chip runs one size: save all samples in it, or name it, as input-shape = {:?} in [model]",
        input.shape
    );
    Error::new(what).with_help(help).of_kind(Kind::Shape)
}
