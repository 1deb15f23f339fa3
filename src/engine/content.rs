//! Keys made of content: what a stage reads decides what it is called in the store.

use std::fs::File;
use std::path::Path;

use prost::bytes::Bytes;

use crate::model;
use crate::project::{Data, Project, Stage};
use crate::{Error, Result};

/// Of the bytes of everything that a stage reads, and of espq's version.
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
pub struct Parts(blake3::Hasher);

impl Parts {
    pub fn new(stage: &str) -> Parts {
        let mut parts = Parts(blake3::Hasher::new());
        parts.text(env!("CARGO_PKG_VERSION")).text(env!("ESPQ_SOURCES")).text(stage);
        parts
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Parts {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Parts {
        self.bytes(text.as_bytes())
    }

    pub fn number(&mut self, number: usize) -> &mut Parts {
        self.bytes(&(number as u64).to_le_bytes())
    }

    pub fn key(&mut self, key: &Key) -> &mut Parts {
        self.bytes(key.bytes())
    }

    /// The whole of a file.
    fn file(&mut self, path: &Path) -> Result<&mut Parts> {
        let unreadable = |e: std::io::Error| Error::new(format!("cannot be read: {e}")).in_file(path);
        let file = File::open(path).map_err(unreadable)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file).map_err(unreadable)?;
        Ok(self.bytes(hasher.finalize().as_bytes()))
    }

    pub fn finish(&self) -> Key {
        Key(self.0.finalize())
    }
}

/// A model's bytes, read once for the key and for the graph.
pub struct ModelFile {
    pub bytes: Bytes,
    pub key: Key,
}

/// The model's file and those that it names, as they are now.
pub fn model(project: &Project) -> Result<ModelFile> {
    let path = project.model_path()?;
    let bytes = model::read(&path)?;
    let mut parts = Parts::new("model");
    parts.bytes(blake3::hash(&bytes).as_bytes());
    for external in model::format_of(&path, &bytes).files(&bytes, model::folder_of(&path)) {
        parts.text(&external.name);
        // A file that is missing or out of reach is the reader's to refuse.
        if let Ok(file) = &external.path {
            parts.file(file)?;
        }
    }
    Ok(ModelFile { bytes, key: parts.finish() })
}

/// The scales that the configuration takes from a file instead of calibration.
pub fn quantization(project: &Project) -> Result<Key> {
    let mut parts = Parts::new("quantization");
    if let Some(file) = &project.config.model.quantization {
        parts.text(&file.value).file(&project.resolve(&file.value)).map_err(|e| e.at_key("model.quantization"))?;
    }
    Ok(parts.finish())
}

/// The samples that the configuration names, and how they become tensors.
pub fn samples(project: &Project) -> Result<Key> {
    let config = &project.config;
    let wanted = config.calibration_samples();
    let mut parts = Parts::new("samples");
    let is_per_input = matches!(config.calibration.data.as_ref().map(|d| &d.value), Some(Data::PerInput(_)));
    parts.text(&config.identity(Stage::Samples)).number(is_per_input.into());
    for source in project.sample_files()? {
        parts.text(&source.input).number(source.files.len());
        // Every file holds a sample or more; files behind the last one wanted are told by name and length.
        for (index, file) in source.files.iter().enumerate() {
            parts.text(&file.to_string_lossy());
            if index < wanted {
                parts.file(file)?;
            } else {
                parts.number(std::fs::metadata(file).map_or(0, |m| m.len()) as usize);
            }
        }
    }
    Ok(parts.finish())
}
