//! Cache keys from content: the inputs of a stage determine the name of its result in the store.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use prost::bytes::Bytes;

use crate::cost::ChipData;
use crate::espdl;
use crate::file;
use crate::model;
use crate::project::{Data, Given, Named, Project, Stage};
use crate::samples;
use crate::{Error, Kind, Result};

use super::files::{Files, Stamp};

/// Digest of all inputs of a stage, and of espq's sources.
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

/// Collects the parts of a key in order, each with its length.
pub struct KeyBuilder(blake3::Hasher);

impl KeyBuilder {
    pub fn new(stage: &str) -> KeyBuilder {
        let mut parts = KeyBuilder(blake3::Hasher::new());
        parts.text(env!("CARGO_PKG_VERSION")).text(env!("ESPQ_SOURCES")).text(stage);
        parts
    }

    /// Key of inputs alone, which another build of espq finds, too.
    pub fn lasting(stage: &str) -> KeyBuilder {
        let mut parts = KeyBuilder(blake3::Hasher::new());
        parts.text(stage);
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

/// Digests of files, and the names of the files that models refer to, by the model's digest.
#[derive(Default)]
pub struct Contents {
    files: Files,
    beside: Mutex<HashMap<blake3::Hash, Vec<String>>>,
    /// Exported files of configurations; `None` for one that cannot be read.
    outputs: Mutex<HashMap<PathBuf, (Stamp, Option<PathBuf>)>>,
    /// Metadata of exported files; `None` for one that cannot be read.
    exported: Mutex<HashMap<PathBuf, (Stamp, Option<Metadata>)>>,
}

/// Entries of a file's metadata.
pub type Metadata = Arc<Vec<(String, String)>>;

/// Content of a model on disk.
pub struct ModelContent {
    pub path: PathBuf,
    pub key: Key,
    /// Digest of the model's file alone, in hexadecimal.
    pub digest: String,
    /// Bytes of the file, if it had to be read for its key, until they are taken.
    bytes: Mutex<Option<Bytes>>,
    stamps: Vec<(PathBuf, Stamp)>,
}

/// Content of sample files on disk.
pub struct SampleContent {
    pub key: Key,
    /// Key that another build of espq finds, too.
    pub lasting: Key,
    stamps: Vec<(PathBuf, Stamp)>,
}

impl Contents {
    /// Returns the content of the model's file and the files that it refers to.
    pub fn model(&self, project: &Project) -> Result<ModelContent> {
        let path = project.model_path()?;
        if path.is_dir() {
            return Err(model::folder(&path).at_key("model.path"));
        }
        let mut stamps = vec![(path.clone(), Stamp::of(&path)?)];
        let (digest, bytes) = self.files.digest_or_bytes(&path, model::read)?;
        let mut parts = KeyBuilder::new("model");
        parts.digest(&digest);
        for name in self.beside(&path, digest, bytes.as_ref())? {
            parts.text(&name);
            // A missing or inaccessible file is reported by the reader.
            if let Ok(file) = model::inside(&name, model::folder_of(&path)) {
                parts.digest(&self.files.digest(&file)?);
                stamps.push((file.clone(), Stamp::of(&file)?));
            }
        }
        Ok(ModelContent {
            key: parts.finish(),
            digest: digest.to_hex().to_string(),
            path,
            bytes: Mutex::new(bytes),
            stamps,
        })
    }

    fn beside(&self, path: &Path, digest: blake3::Hash, bytes: Option<&Bytes>) -> Result<Vec<String>> {
        let known = || self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known().get(&digest) {
            return Ok(names.clone());
        }
        let file = match bytes {
            Some(bytes) => model::File::from(bytes.clone()),
            None => model::File::open(path)?,
        };
        let names = model::format_of(path, &file).files(&file).map_err(|e| e.in_file(path))?;
        known().insert(digest, names.clone());
        Ok(names)
    }

    /// Returns a configuration in the project's folder that is exported to the same file.
    pub fn same_output(&self, project: &Project) -> Option<PathBuf> {
        let own = project.export_file().ok()?;
        project.siblings().into_iter().find(|sibling| self.output(sibling).as_ref() == Some(&own))
    }

    fn output(&self, configuration: &Path) -> Option<PathBuf> {
        let stamp = Stamp::of(configuration).ok()?;
        let known = || self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, output)) = known().get(configuration).filter(|(known, _)| *known == stamp) {
            return output.clone();
        }
        let output = Project::load(configuration).and_then(|project| project.export_file()).ok();
        known().insert(configuration.to_path_buf(), (stamp, output.clone()));
        output
    }

    /// Returns the metadata of an exported file; `None` if there is none, or one that cannot be read without a key.
    pub fn exported(&self, file: &Path) -> Option<Metadata> {
        let stamp = Stamp::of(file).ok()?;
        let known = || self.exported.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, metadata)) = known().get(file).filter(|(known, _)| *known == stamp) {
            return metadata.clone();
        }
        let opened = std::fs::read(file).ok().and_then(|bytes| espdl::open(&bytes, None).ok());
        let metadata = opened.and_then(|file| Some(Arc::new(file.entries.into_iter().next()?.model.metadata)));
        known().insert(file.to_path_buf(), (stamp, metadata.clone()));
        metadata
    }

    /// Returns the key of the scales that replace calibration.
    pub fn scales(&self, project: &Project) -> Result<Key> {
        let mut parts = KeyBuilder::new("quantization");
        if let Some(file) = &project.config.model.quantization {
            let digest = self.files.digest(&project.resolve(&file.value));
            parts.text(&file.value).digest(&digest.map_err(|e| e.at_key("model.quantization"))?);
        }
        Ok(parts.finish())
    }

    /// Returns the constants of the time model for the project's board; `None` if it has none of its own.
    pub fn constants(&self, project: &Project) -> Result<Option<Arc<ChipData>>> {
        /// Longest file that is read, in bytes.
        const LONGEST: u64 = 1 << 20;
        const HELP: &str = "`espq profile LOG --fit -o FILE` writes such a file";
        let config = &project.config;
        let (Some(file), Some(target)) = (&config.board.constants, &config.model.target) else { return Ok(None) };
        let path = project.resolve(&file.value);
        let at_key = |error: Error| error.in_file(&path).at_key("board.constants");
        let wrong = |reason: String| Error::new(format!("these are no constants of a board: {reason}")).with_help(HELP);
        let text = file::text(&path, LONGEST).map_err(|e| match e.kind() {
            Kind::Missing => e.with_help(HELP),
            _ => e,
        });
        let data = text.and_then(|text| ChipData::parse(&text, target.value).map_err(wrong)).map_err(at_key)?;
        Ok(Some(Arc::new(data)))
    }

    /// Returns the content of the sample files, and the settings of their conversion.
    pub fn samples(&self, project: &Project) -> Result<SampleContent> {
        let config = &project.config;
        let mut parts = KeyBuilder::new("samples");
        let has_inputs = |data: &Given<Data>| matches!(data.as_ref().map(|d| &d.value), Some(Data::PerInput(_)));
        let is_per_input = [&config.calibration.data, &config.analysis.data].map(has_inputs);
        parts.text(&config.identity(Stage::Samples)).text(&format!("{is_per_input:?}"));
        self.sample_content(parts, project.sample_files()?)
    }

    /// Returns the content of the labelled samples and of their labels; `None` if the text has none.
    pub fn labelled(&self, project: &Project) -> Result<Option<SampleContent>> {
        let config = &project.config;
        let files = project.labelled_files()?;
        if files.is_empty() {
            return Ok(None);
        }
        let mut parts = KeyBuilder::new("labelled");
        parts.text(&config.identity(Stage::Samples)).text(&config.identity(Stage::Accuracy));
        for file in project.label_files() {
            parts.digest(&self.files.digest(&file).map_err(|e| e.at_key("accuracy.labels"))?);
        }
        self.sample_content(parts, files).map(Some)
    }

    fn sample_content(&self, mut parts: KeyBuilder, sources: Vec<Named>) -> Result<SampleContent> {
        let mut stamps = Vec::new();
        // Where the files lie does not matter to a build that finds an exported file.
        let mut lasting = KeyBuilder::lasting("samples");
        for source in sources {
            parts.text(source.table).text(&source.input).number(source.files.len()).number(source.wanted);
            lasting.text(source.table).text(&source.input);
            // Every file contains at least one sample; files after the last one needed are identified by name, length and
            // header.
            for (index, file) in source.files.iter().enumerate() {
                parts.text(&file.to_string_lossy());
                if index < source.wanted {
                    stamps.push((file.clone(), Stamp::of(file)?));
                    let digest = self.files.digest(file)?;
                    parts.digest(&digest);
                    lasting.digest(&digest);
                } else {
                    parts.number(std::fs::metadata(file).map_or(0, |m| m.len()) as usize);
                    if let Some(length) = samples::deciding_bytes(file) {
                        parts.digest(&self.files.head(file, length)?);
                    }
                }
            }
        }
        Ok(SampleContent { key: parts.finish(), lasting: lasting.finish(), stamps })
    }
}

impl ModelContent {
    /// Returns the model's file, whose bytes are not kept: the graph made of them holds its own. Callers check afterwards that the files
    /// are [`ModelContent::unchanged`].
    pub fn file(&self) -> Result<model::File> {
        let taken = self.bytes.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.map_or_else(|| model::File::open(&self.path), |bytes| Ok(bytes.into()))
    }

    /// Fails if a file has changed since the key was computed, since the bytes read do not match the key.
    pub fn unchanged(&self) -> Result<()> {
        unchanged(&self.stamps)
    }
}

impl SampleContent {
    /// Fails if a file has changed since the key was computed.
    pub fn unchanged(&self) -> Result<()> {
        unchanged(&self.stamps)
    }
}

fn unchanged(stamps: &[(PathBuf, Stamp)]) -> Result<()> {
    match stamps.iter().find(|(path, stamp)| Stamp::of(path).ok() != Some(*stamp)) {
        None => Ok(()),
        Some((path, _)) => Err(file::changed().in_file(path)),
    }
}
