//! Stages from a project to results, with caching, progress and cancellation.
//!
//! `cli` and `lsp` use this module, and no module below it. An [`Engine`] is shared by threads. Results are cached by
//! the content of their inputs, so a repeated request is cheap, and one after a change only computes what depends on
//! it. [`Engine::open`] opens the current state of a project. Never: rendering.

mod accuracy;
mod cached;
mod calibrated;
mod cancel;
mod compare;
mod content;
mod cost;
mod ends;
mod ends_trials;
mod export;
mod exported;
mod files;
mod firmware;
pub mod inspect;
mod joints;
mod layers;
mod lint;
mod lru;
mod measure;
mod observers;
mod opened;
mod optimize;
mod outline;
mod precisions;
mod profile;
mod progress;
mod proof;
mod reports;
mod scored;
mod session;
mod shapes;
mod smallest;
mod step;
mod store;
mod trials;
mod undone;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::analysis::{Accuracy, Observers, OnChip, Report};
use crate::cost::Cost;
use crate::lint::{Finding, Trials};
use crate::quant::{ImportedScales, Plan};

pub use crate::model::{endings as model_endings, is_foreign, is_model};
pub use crate::optimize::Tried;
pub use crate::simplify::{LayerNames, Place};
pub use calibrated::Calibrated;
pub use cancel::{Token, Watch};
pub use compare::read_report;
pub use cost::{board, limits};
pub use export::{ExportOptions, Exported};
pub use exported::Replaced;
pub use firmware::Firmware;
pub use layers::{Layers, PlannedLayer};
pub use lint::LintDepth;
pub use opened::{Opened, lint_text};
pub use optimize::{Optimized, Refused, Scope};
pub use outline::{Outline, outline};
pub use precisions::Precisions;
pub use profile::{Fit, FittedConstant, Profile, ProfiledLayer, ProfiledMemory, profile_of_file};
pub use progress::{OnlyKnown, Progress, Silent, Stage};
pub use scored::Scored;
pub use session::{Model, Session};

use content::{Contents, Key};
use lru::Lru;
use store::Store;

/// Maximum number of models, plans and sessions in memory, for workspaces with several projects.
const MODELS: usize = 8;
const SESSIONS: usize = 4;
/// Maximum number of reports, measured fixes, and findings (one per text and depth).
const ANSWERS: usize = 64;

/// Caches of results, in memory and on disk.
pub struct Engine {
    store: Option<Store>,
    contents: Contents,
    models: Lru<Model>,
    scales: Lru<ImportedScales>,
    places: Lru<Vec<Place>>,
    plans: Lru<Plan>,
    sessions: Lru<Session>,
    findings: Lru<Vec<Finding>>,
    reports: Lru<Report>,
    proofs: Lru<OnChip>,
    accuracies: Lru<Accuracy>,
    costs: Lru<Option<Cost>>,
    observers: Lru<Observers>,
    optimized: Lru<Optimized>,
    trials: Lru<Trials>,
    latest: Mutex<HashMap<PathBuf, Token>>,
}

/// Place and size of the results that are kept on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Folder that is created with the first result.
    pub folder: PathBuf,
    /// Size limit in bytes.
    pub limit: u64,
}

impl Cache {
    /// Returns the cache in the user's cache folder, or in a given one.
    pub fn at(folder: Option<&Path>) -> Option<Cache> {
        let folder = folder.map(Path::to_path_buf).or_else(store::default_folder)?;
        Some(Cache { folder, limit: 256 << 20 })
    }
}

impl Cache {
    /// Fails if no result can be written into the folder, which is created.
    pub fn check(&self) -> crate::Result<()> {
        Store::check(&self.folder).map_err(|e| {
            let folder = self.folder.display();
            // Of a temporary file, the error names the path.
            let e = e.to_string();
            let e = e.split(" at path ").next().unwrap_or_default();
            let what = format!("the cache folder {folder} cannot be written: {e}; no result is kept for the next run");
            crate::Error::new(what)
                .with_help("name another folder with --cache-dir or ESPQ_CACHE_DIR, or work without one: --no-cache")
        })
    }

    /// Deletes every result, and returns their number and size in bytes.
    pub fn clean(&self) -> crate::Result<(usize, u64)> {
        let failed = |e| crate::Error::new(format!("the cache cannot be deleted: {e}")).in_file(&self.folder);
        Store::clean(&self.folder).map_err(failed)
    }
}

impl Engine {
    /// Makes an engine with empty caches in memory; those on disk are read on demand.
    pub fn new(cache: Option<Cache>) -> Arc<Engine> {
        Arc::new(Engine {
            store: cache.map(|cache| Store::new(&cache.folder, cache.limit)),
            contents: Contents::default(),
            models: Lru::new(MODELS),
            scales: Lru::new(MODELS),
            places: Lru::new(MODELS),
            plans: Lru::new(MODELS),
            sessions: Lru::new(SESSIONS),
            findings: Lru::new(ANSWERS),
            reports: Lru::new(ANSWERS),
            proofs: Lru::new(ANSWERS),
            accuracies: Lru::new(ANSWERS),
            costs: Lru::new(ANSWERS),
            observers: Lru::new(ANSWERS),
            optimized: Lru::new(ANSWERS),
            trials: Lru::new(ANSWERS),
            latest: Mutex::new(HashMap::new()),
        })
    }

    /// Returns a token for the newest request about `file`, and cancels the previous one.
    pub fn supersede(&self, file: &Path) -> Token {
        let token = Token::new();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(older) = latest.insert(file.to_path_buf(), token.clone()) {
            older.cancel();
        }
        token
    }

    /// Returns a result from memory, or from the store.
    pub(super) fn kept<T: DeserializeOwned>(&self, memory: &Lru<T>, key: &Key) -> Option<Arc<T>> {
        let stored = || Some(memory.keep(*key, Arc::new(self.store.as_ref()?.get(key)?)));
        memory.get(key).or_else(stored)
    }

    /// Keeps a result in memory and in the store.
    pub(super) fn keep<T: Serialize>(&self, memory: &Lru<T>, key: Key, result: T) -> Arc<T> {
        if let Some(store) = &self.store {
            store.put(&key, &result);
        }
        memory.keep(key, Arc::new(result))
    }

    /// Stores a session's measurements for other processes.
    pub(super) fn save(&self, session: &Session) {
        if let (Some(store), Some(figures)) = (&self.store, session.news()) {
            store.put(&session.key, &figures);
        }
    }
}
