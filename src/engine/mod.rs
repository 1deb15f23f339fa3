//! The road from a project to results, stage by stage, with progress and cancellation.
//!
//! `cli` and `lsp` ask this room and nothing below it. An [`Engine`] is shared by threads; what it gives
//! is kept by the content that it came from, so asking again is cheap and asking after a change costs what
//! has changed. [`Engine::open`] gives the project as it is now. Never: rendering.

mod cancel;
mod content;
mod export;
mod files;
pub mod inspect;
mod layers;
mod lint;
mod lru;
mod measure;
mod observers;
mod opened;
mod optimize;
mod outline;
mod progress;
mod session;
mod step;
mod store;
mod together;
mod trials;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::analysis::{Observers, Report};
use crate::lint::{Finding, Trials};
use crate::quant::{Plan, Recorded};

pub use crate::model::{endings as model_endings, is_model};
pub use cancel::{Token, Watch};
pub use export::{Exported, Wanted, reason};
pub use layers::{Layers, PlannedLayer};
pub use lint::LintDepth;
pub use opened::{Opened, lint_text};
pub use optimize::Optimized;
pub use outline::{Outline, outline};
pub use progress::{OnlyKnown, Progress, Silent, Stage};
pub use session::{Calibrated, Model, Session};
pub use together::write as write_together;

use content::Contents;
use lru::Lru;
use store::Store;

/// Models, plans and sessions kept in memory, for workspaces of several projects.
const MODELS: usize = 8;
const SESSIONS: usize = 4;
/// Reports, fixes that were measured, and findings of one text at one depth.
const ANSWERS: usize = 64;

pub struct Engine {
    options: Options,
    store: Option<Store>,
    contents: Contents,
    models: Lru<Model>,
    scales: Lru<Recorded>,
    plans: Lru<Plan>,
    sessions: Lru<Session>,
    findings: Lru<Vec<Finding>>,
    reports: Lru<Report>,
    observers: Lru<Observers>,
    optimized: Lru<Optimized>,
    trials: Lru<Trials>,
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
    pub fn new(options: Options) -> Arc<Engine> {
        Arc::new(Engine {
            store: options.cache.as_ref().map(|cache| Store::new(&cache.folder, cache.limit)),
            options,
            contents: Contents::default(),
            models: Lru::new(MODELS),
            scales: Lru::new(MODELS),
            plans: Lru::new(MODELS),
            sessions: Lru::new(SESSIONS),
            findings: Lru::new(ANSWERS),
            reports: Lru::new(ANSWERS),
            observers: Lru::new(ANSWERS),
            optimized: Lru::new(ANSWERS),
            trials: Lru::new(ANSWERS),
            latest: Mutex::new(HashMap::new()),
        })
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
}
