//! Files that a project depends on, and watching them for changes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use lsp_types::request::RegisterCapability;
use lsp_types::{
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, Registration, RegistrationParams,
};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::project::{Project, place};
use crate::{Error, Result};

use super::client::Client;
use super::progress::ANSWER;

/// Endings of models, their external data, samples and recorded quantization.
const ENDINGS: &str = "onnx,onnx_data,data,bin,tflite,lite,litert,pt2,npy,npz,png,jpg,jpeg,bmp,json,csv,txt";

/// Registers file watching with the client. If it refuses, changes take effect with the next edit.
pub async fn register(client: Client) {
    let glob = |pattern: String| FileSystemWatcher { glob_pattern: GlobPattern::String(pattern), kind: None };
    let watchers =
        vec![glob(format!("**/*.{{{ENDINGS}}}")), glob("**/espq.toml".to_string()), glob("**/*.espq.toml".to_string())];
    let options = DidChangeWatchedFilesRegistrationOptions { watchers };
    let registration = Registration {
        id: "espq-files".to_string(),
        method: "workspace/didChangeWatchedFiles".to_string(),
        register_options: serde_json::to_value(options).ok(),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    let _ = tokio::time::timeout(ANSWER, client.request::<RegisterCapability>(params)).await;
}

/// Returns `true` if a changed file can change a project's findings.
pub fn concerns(project: &Project, files: &[PathBuf], changed: &Path) -> bool {
    let changed = place(changed);
    let is = |file: &Path| place(file) == changed;
    project.named_files().iter().any(|file| is(file))
        || files.iter().any(|file| is(file))
        || project.may_hold_weights(&changed)
        || project.may_read_samples(&changed)
}

/// File watching by the server, for clients that have none.
#[derive(Default)]
pub struct Watching {
    watcher: Option<RecommendedWatcher>,
    folders: HashSet<PathBuf>,
}

impl Watching {
    pub fn begin(&mut self, told: impl Fn(Vec<PathBuf>) + Send + 'static) -> Result<()> {
        let handle = move |event: notify::Result<notify::Event>| match event {
            // Read accesses are not changes, and espq itself reads.
            Ok(event) if !matches!(event.kind, EventKind::Access(_)) => told(event.paths),
            // Missed changes take effect with the next edit.
            _ => {}
        };
        let watcher = notify::recommended_watcher(handle).map_err(|e| {
            Error::new(format!("files cannot be watched: {e}"))
                .with_help("changes of models and samples take effect with the next edit, or after `espq: Analyze`")
        })?;
        self.watcher = Some(watcher);
        Ok(())
    }

    /// Watches the folders of these projects and no others.
    pub fn watch_folders<'a>(&mut self, projects: impl Iterator<Item = (&'a Project, &'a [PathBuf])>) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: HashSet<PathBuf> = projects.flat_map(|(project, files)| folders(project, files)).collect();
        for folder in self.folders.difference(&wanted) {
            // The watch may already have ended.
            let _ = watcher.unwatch(folder);
        }
        let watched = self.folders.intersection(&wanted).cloned().collect::<Vec<_>>();
        let new = wanted.difference(&self.folders).filter(|f| watcher.watch(f, RecursiveMode::NonRecursive).is_ok());
        self.folders = new.cloned().chain(watched).collect();
    }
}

/// Returns the folders to watch, since files are often replaced as a whole.
fn folders(project: &Project, files: &[PathBuf]) -> HashSet<PathBuf> {
    let named = project.named_files();
    let of_files = named.iter().chain(files).filter_map(|f| f.parent().map(Path::to_path_buf));
    of_files.chain(project.sample_folders()).filter_map(|folder| folder.canonicalize().ok()).collect()
}
