//! Names of the files that a project is exported to, and of the projects beside it.

use std::path::{Path, PathBuf};

use crate::Result;

use super::{Project, folders_above, locate, place};

const ENDING: &str = ".espq.toml";

impl Project {
    /// Returns the stem of the exported files: `export.name`; or the project's name, if it has one (`p4` of
    /// `p4.espq.toml`); or the model's.
    pub fn export_name(&self) -> Result<String> {
        if let Some(name) = &self.config.export.name {
            return Ok(name.value.0.clone());
        }
        let file = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(own) = file.strip_suffix(ENDING).filter(|own| !own.is_empty()) {
            return Ok(own.to_string());
        }
        let model = self.model_path()?;
        Ok(model.file_stem().map_or_else(|| "model".to_string(), |stem| stem.to_string_lossy().into_owned()))
    }

    /// Returns the folder of the exported files, unless another is requested: the model's.
    pub fn export_folder(&self) -> Result<PathBuf> {
        let model = self.model_path()?;
        Ok(model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf())
    }

    /// Returns the `.espdl` file that an export without options writes.
    pub fn export_file(&self) -> Result<PathBuf> {
        self.export_file_in(&self.export_folder()?)
    }

    /// Returns the `.espdl` file that an export into a folder writes.
    pub fn export_file_in(&self, folder: &Path) -> Result<PathBuf> {
        Ok(place(&folder.join(format!("{}.espdl", self.export_name()?))))
    }

    /// Returns the other configurations of the project's repository; those beside the project's folder if it is in none.
    pub fn others(&self) -> Vec<PathBuf> {
        let own = place(&self.file);
        let root = folders_above(&own).find(|folder| folder.join(".git").exists());
        let mut found = match (root, own.parent().and_then(Path::parent)) {
            (Some(root), _) => locate::configurations(root).files,
            (None, Some(around)) => locate::in_folders_of(around),
            (None, None) => Vec::new(),
        };
        found.extend(self.siblings());
        found.retain(|file| place(file) != own);
        found.sort();
        found.dedup();
        found
    }

    /// Returns the other configurations in the project's folder, in byte order of names.
    pub fn siblings(&self) -> Vec<PathBuf> {
        let own = place(&self.file);
        let folder = own.parent().unwrap_or(Path::new("."));
        // A folder that cannot be read has no siblings to warn about.
        let mut found = locate::in_folder(folder).unwrap_or_default();
        found.retain(|file| place(file) != own);
        found.sort();
        found
    }
}
