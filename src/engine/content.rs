//! Keys made of content: the inputs of a stage decide the name of its result in the store.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use prost::bytes::Bytes;

use crate::model;
use crate::project::{Data, Given, Project, Stage};
use crate::{Error, Kind, Result};

use super::files::{Files, Stamp};

/// Digest of everything that a stage reads, and of espq's sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(blake3::Hash);

impl Key {
    pub fn hex(&self) -> String {
        self.0.to_hex().to_string()
    }

    pub fn from_hex(hex: &str) -> Option<Key> {
        blake3::Hash::from_hex(hex).ok().map(Key)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

/// Takes the parts of a key in order; each is told from the next by its length.
pub struct KeyBuilder(blake3::Hasher);

impl KeyBuilder {
    pub fn new(stage: &str) -> KeyBuilder {
        let mut parts = KeyBuilder(blake3::Hasher::new());
        parts.text(env!("CARGO_PKG_VERSION")).text(env!("ESPQ_SOURCES")).text(stage);
        parts
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut KeyBuilder {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut KeyBuilder {
        self.bytes(text.as_bytes())
    }

    pub fn number(&mut self, number: usize) -> &mut KeyBuilder {
        self.bytes(&(number as u64).to_le_bytes())
    }

    pub fn key(&mut self, key: &Key) -> &mut KeyBuilder {
        self.bytes(key.bytes())
    }

    pub fn digest(&mut self, digest: &blake3::Hash) -> &mut KeyBuilder {
        self.bytes(digest.as_bytes())
    }

    pub fn finish(&self) -> Key {
        Key(self.0.finalize())
    }
}

/// Digests of files, and the names of the files that models name, by the model's digest.
#[derive(Default)]
pub struct Contents {
    files: Files,
    beside: Mutex<HashMap<blake3::Hash, Vec<String>>>,
}

/// A model as it is on disk now.
pub struct ModelContent {
    pub path: PathBuf,
    pub key: Key,
    /// Of the model's file alone, in hexadecimal.
    pub digest: String,
    /// Where the file had to be read for its key.
    pub bytes: Option<Bytes>,
    stamps: Vec<(PathBuf, Stamp)>,
}

/// Sample files as they are on disk now.
pub struct SampleContent {
    pub key: Key,
    stamps: Vec<(PathBuf, Stamp)>,
}

impl Contents {
    /// The model's file and those that it names.
    pub fn model(&self, project: &Project) -> Result<ModelContent> {
        let path = project.model_path()?;
        let mut stamps = vec![(path.clone(), Stamp::of(&path)?)];
        let (digest, mut bytes) = self.files.digest_or_bytes(&path, model::read)?;
        let mut parts = KeyBuilder::new("model");
        parts.digest(&digest);
        for name in self.beside(&path, digest, &mut bytes)? {
            parts.text(&name);
            // A file that is missing or out of reach is the reader's to refuse.
            if let Ok(file) = model::inside(&name, model::folder_of(&path)) {
                parts.digest(&self.files.digest(&file)?);
                stamps.push((file.clone(), Stamp::of(&file)?));
            }
        }
        Ok(ModelContent { key: parts.finish(), digest: digest.to_hex().to_string(), path, bytes, stamps })
    }

    fn beside(&self, path: &Path, digest: blake3::Hash, bytes: &mut Option<Bytes>) -> Result<Vec<String>> {
        let known = || self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known().get(&digest) {
            return Ok(names.clone());
        }
        let read = match bytes.take() {
            Some(bytes) => bytes,
            None => model::read(path)?,
        };
        let names = model::format_of(path, &read).files(&read);
        *bytes = Some(read);
        known().insert(digest, names.clone());
        Ok(names)
    }

    /// The scales that the configuration takes from a file instead of calibration.
    pub fn scales(&self, project: &Project) -> Result<Key> {
        let mut parts = KeyBuilder::new("quantization");
        if let Some(file) = &project.config.model.quantization {
            let digest = self.files.digest(&project.resolve(&file.value));
            parts.text(&file.value).digest(&digest.map_err(|e| e.at_key("model.quantization"))?);
        }
        Ok(parts.finish())
    }

    /// The samples that the configuration names, and how they become tensors.
    pub fn samples(&self, project: &Project) -> Result<SampleContent> {
        let config = &project.config;
        let mut stamps = Vec::new();
        let mut parts = KeyBuilder::new("samples");
        let has_inputs = |data: &Given<Data>| matches!(data.as_ref().map(|d| &d.value), Some(Data::PerInput(_)));
        let is_per_input = [&config.calibration.data, &config.analysis.data].map(has_inputs);
        parts.text(&config.identity(Stage::Samples)).text(&format!("{is_per_input:?}"));
        for source in project.sample_files()? {
            parts.text(source.table).text(&source.input).number(source.files.len()).number(source.wanted);
            // Every file holds a sample or more; files behind the last one wanted are told by name and length.
            for (index, file) in source.files.iter().enumerate() {
                parts.text(&file.to_string_lossy());
                if index < source.wanted {
                    stamps.push((file.clone(), Stamp::of(file)?));
                    parts.digest(&self.files.digest(file)?);
                } else {
                    parts.number(std::fs::metadata(file).map_or(0, |m| m.len()) as usize);
                }
            }
        }
        Ok(SampleContent { key: parts.finish(), stamps })
    }
}

impl ModelContent {
    /// Returns the model's bytes. An error where a file has changed since its key was made.
    pub fn read(&self) -> Result<Bytes> {
        match &self.bytes {
            Some(bytes) => Ok(bytes.clone()),
            None => model::read(&self.path),
        }
    }

    /// An error where a file has changed since the key was made: what was read is not what the key says.
    pub fn unchanged(&self) -> Result<()> {
        unchanged(&self.stamps)
    }
}

impl SampleContent {
    /// An error where a file has changed since the key was made.
    pub fn unchanged(&self) -> Result<()> {
        unchanged(&self.stamps)
    }
}

fn unchanged(stamps: &[(PathBuf, Stamp)]) -> Result<()> {
    match stamps.iter().find(|(path, stamp)| Stamp::of(path).ok() != Some(*stamp)) {
        None => Ok(()),
        Some((path, _)) => Err(Error::new("the file was written while espq read it")
            .in_file(path)
            .of_kind(Kind::Changed)
            .with_help("run again once it is complete")),
    }
}
