//! The road from a project to results, stage by stage, with progress and cancellation.
//!
//! `cli` and `lsp` ask this room and nothing below it. An [`Engine`] is shared by threads; what it gives
//! is kept by the content that it came from, so asking again is cheap and asking after a change costs what
//! has changed. Never: rendering.

mod analyze;
mod cancel;
mod content;
mod export;
pub mod inspect;
mod layers;
mod lint;
mod memory;
mod outline;
mod progress;
mod session;
mod store;
mod together;
mod trials;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::analysis::Report;
use crate::lint::Finding;
use crate::model;
use crate::project::Project;
use crate::samples::{InputSpec, Samples};
use crate::simplify::simplify;
use crate::{Error, Result};

pub use crate::model::endings as model_endings;
pub use cancel::{Token, Watch};
pub use export::{Exported, Wanted, reason};
pub use layers::{Layers, PlannedLayer};
pub use lint::LintDepth;
pub use outline::{Outline, outline};
pub use progress::{OnlyKnown, Progress, Silent, Stage};
pub use session::{Calibrated, Model, Session};
pub use together::write as write_together;

use content::{Key, ModelFile, Parts};
use memory::Memory;
use store::Store;

/// Models and sessions kept in memory, for workspaces of several projects.
const MODELS: usize = 8;
const SESSIONS: usize = 4;
/// Reports, and findings of one text at one depth.
const ANSWERS: usize = 64;

pub struct Engine {
    options: Options,
    store: Option<Store>,
    models: Memory<Model>,
    sessions: Memory<Session>,
    findings: Memory<Vec<Finding>>,
    reports: Memory<Report>,
    latest: Mutex<HashMap<PathBuf, Token>>,
}

/// How much an engine may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Bytes of float activations to keep for the model that was asked about last: a server measures the next edit on
    /// them, a command that ends with its first answer has no use for them.
    pub activations: usize,
    /// Where results outlive the process.
    pub cache: Option<Cache>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    pub folder: PathBuf,
    /// Bytes.
    pub limit: u64,
}

impl Cache {
    /// In the user's cache, unless a folder is named.
    pub fn at(folder: Option<&Path>) -> Option<Cache> {
        let folder = folder.map(Path::to_path_buf).or_else(store::default_folder)?;
        Some(Cache { folder, limit: 256 << 20 })
    }
}

impl Engine {
    pub fn new(options: Options) -> Engine {
        Engine {
            store: options.cache.as_ref().map(|cache| Store::new(&cache.folder, cache.limit)),
            options,
            models: Memory::new(MODELS),
            sessions: Memory::new(SESSIONS),
            findings: Memory::new(ANSWERS),
            reports: Memory::new(ANSWERS),
            latest: Mutex::new(HashMap::new()),
        }
    }

    /// A token for the newest request about `file`; the one before is cancelled.
    pub fn supersede(&self, file: &Path) -> Token {
        let token = Token::new();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(older) = latest.insert(file.to_path_buf(), token.clone()) {
            older.cancel();
        }
        token
    }

    /// The project's model, read and simplified.
    pub fn model(&self, project: &Project) -> Result<Arc<Model>> {
        self.model_of(project, &content::model(project)?)
    }

    fn model_of(&self, project: &Project, file: &ModelFile) -> Result<Arc<Model>> {
        if let Some(model) = self.models.get(&file.key) {
            return Ok(model);
        }
        let path = project.model_path()?;
        let imported = model::import(&path, file.bytes.clone())?;
        let simplified = simplify(imported).map_err(|e| e.in_file(&path))?;
        Ok(self.models.keep(file.key, Arc::new(Model { key: file.key, simplified })))
    }

    /// The project's model with its samples.
    pub fn session(&self, project: &Project) -> Result<Arc<Session>> {
        self.session_of(project, self.model(project)?, &content::samples(project)?)
    }

    fn session_of(&self, project: &Project, model: Arc<Model>, samples: &Key) -> Result<Arc<Session>> {
        let key = session_key(&model.key, samples);
        // A model that is exported again and again must not leave the activations of each behind.
        self.sessions.others(&key).iter().for_each(|session| session.forget_activations());
        if let Some(session) = self.sessions.get(&key) {
            return Ok(session);
        }
        let samples = Samples::open(project.samples()?, &InputSpec::of(&model.simplified.graph)?)?;
        let session = Session::new(key, model, samples, self.options.activations);
        if let Some(figures) = self.store.as_ref().and_then(|store| store.get(&key)) {
            session.remember(figures);
        }
        Ok(self.sessions.keep(key, Arc::new(session)))
    }

    /// Keeps what a session has measured for the next process.
    fn save(&self, session: &Session) {
        if let (Some(store), Some(figures)) = (&self.store, session.news()) {
            store.put(&session.key, &figures);
        }
    }
}

fn session_key(model: &Key, samples: &Key) -> Key {
    Parts::new("session").key(model).key(samples).finish()
}

/// The chip is the one thing that has no default.
fn no_target() -> Error {
    Error::new("the chip is not named").at_key("model.target").with_help("add target = \"esp32p4\"")
}
