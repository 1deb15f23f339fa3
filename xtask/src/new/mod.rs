//! New files from templates, with the lines that register them. `cargo test` then shows the remaining steps.

mod edit;
pub mod operator;
pub mod pass;
pub mod rule;

use std::path::{Path, PathBuf};

use crate::{at, root};

/// Files to write; no file is written before all of them are known.
#[derive(Default)]
pub struct Change {
    files: Vec<(PathBuf, String)>,
    /// Files that must not exist yet.
    new: Vec<PathBuf>,
    /// Next steps, as sentences.
    pub next: Vec<String>,
}

impl Change {
    fn create(&mut self, file: impl Into<PathBuf>, text: impl Into<String>) {
        let file = file.into();
        self.new.push(file.clone());
        self.files.push((file, text.into()));
    }

    fn replace(&mut self, file: &str, text: String) {
        self.files.push((file.into(), text));
    }

    /// Writes the files below the root of the repository and returns their names.
    pub fn write(&self) -> Result<Vec<&Path>, String> {
        if let Some(file) = self.new.iter().find(|file| root().join(file).exists()) {
            return Err(format!("{} already exists", file.display()));
        }
        for (file, text) in &self.files {
            let path = root().join(file);
            let folder = path.parent().unwrap_or(root());
            std::fs::create_dir_all(folder).map_err(at(folder))?;
            std::fs::write(&path, text).map_err(at(file))?;
        }
        Ok(self.files.iter().map(|(file, _)| file.as_path()).collect())
    }
}
