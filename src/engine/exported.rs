//! Origin of an exported file, and what has changed since.

use std::path::{Path, PathBuf};

use crate::lint::ExportedFile;
use crate::project::{Project, Stage, place};
use crate::{Error, Result};

use super::content::{Key, KeyBuilder, ModelContent};
use super::opened::Opened;

/// Entries of an exported file's metadata that tell its origin.
pub(super) const TARGET: &str = "target";
pub(super) const MODEL: &str = "model.blake3";
pub(super) const INPUTS: &str = "inputs.blake3";
pub(super) const CONFIGURATION: &str = "configuration.blake3";

/// File of another project in the place of a new export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The `.espdl` file.
    pub file: PathBuf,
    /// Configuration that it was exported from.
    pub project: PathBuf,
}

impl Replaced {
    /// Makes the error of an export that is not made for it, with the configuration's path as it is shown.
    pub fn refusal(&self, project: &str) -> Error {
        Error::new(format!("this is the file of {project}, and was left unchanged")).in_file(&self.file)
    }
}

/// Digests of a model and of the text of a configuration.
#[derive(PartialEq, Eq)]
struct Origin {
    model: String,
    configuration: String,
}

impl Origin {
    fn of(project: &Project, model: &ModelContent) -> Origin {
        Origin { model: model.digest.clone(), configuration: blake3::hash(project.text.as_bytes()).to_string() }
    }

    /// Returns `true` if a file of this origin is another project's rather than one's own. Each has changed since where its
    /// digests are others; what both share says nothing.
    fn is_of(&self, other: &Origin, own: &Origin) -> bool {
        let (model, configuration) = (self.model == other.model, self.configuration == other.configuration);
        let is_owns = self.model == own.model && self.configuration == own.configuration;
        let tells = (model && other.model != own.model) || (configuration && other.configuration != own.configuration);
        tells && !is_owns
    }
}

impl Opened {
    /// Returns the exported file beside the model, if espq has written one that tells its origin.
    pub(super) fn exported(&self) -> Option<ExportedFile> {
        let file = self.project().export_file().ok()?;
        let metadata = self.engine.contents.exported(&file)?;
        let of = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let (target, model, inputs) = (of(TARGET)?, of(MODEL)?, of(INPUTS)?);
        let now = self.contents.model.as_ref().ok()?;
        let changed = match () {
            () if now.digest != model => Some("the model"),
            () if self.inputs_key().hex() != inputs => Some("the samples or the settings"),
            () => None,
        };
        let wanted = self.project().config.model.target.as_ref()?.value.to_string();
        let name = file.file_name()?.to_string_lossy().into_owned();
        Some(ExportedFile { name, target: target.to_string(), wanted, changed })
    }

    /// Returns the file of another project that an export into a folder, or beside the model, would replace. Encrypted files and
    /// those of other tools do not tell their origin.
    pub fn replaced(&self, folder: Option<&Path>) -> Result<Option<Replaced>> {
        let project = self.project();
        // A model that cannot be read is reported by the export.
        let Ok(model) = &self.contents.model else { return Ok(None) };
        let folder = folder.map_or_else(|| project.export_folder(), |folder| Ok(folder.to_path_buf()))?;
        let file = project.export_file_in(&folder)?;
        let Some(recorded) = self.engine.contents.exported(&file).and_then(|metadata| recorded(&metadata)) else {
            return Ok(None);
        };
        let (own, name) = (Origin::of(project, model), project.export_name()?);
        if recorded == own {
            return Ok(None);
        }
        let own_folder = place(project.folder());
        // In the project's own folder, a file is its own, even if a copy of the project has the same text.
        let is_own_place = file.starts_with(&own_folder);
        let is_of = |configuration: &PathBuf| {
            if is_own_place && configuration.parent() != Some(&own_folder) {
                return false;
            }
            let Ok(other) = Project::load(configuration) else { return false };
            let is_named_so = other.export_name().is_ok_and(|other| other == name);
            let model = is_named_so.then(|| self.engine.contents.model(&other).ok()).flatten();
            model.is_some_and(|model| recorded.is_of(&Origin::of(&other, &model), &own))
        };
        let other = project.others().into_iter().find(is_of);
        Ok(other.map(|project| Replaced { file: folder.join(format!("{name}.espdl")), project }))
    }

    /// Returns the key of the samples and the settings that decide the exported file; other builds of espq find it, too.
    pub(super) fn inputs_key(&self) -> Key {
        let config = &self.project().config;
        let mut parts = KeyBuilder::lasting("inputs");
        if let Ok(samples) = &self.contents.samples {
            parts.key(&samples.lasting);
        }
        for stage in [Stage::Model, Stage::Samples, Stage::Settings] {
            parts.text(&config.identity(stage));
        }
        let export = &config.export;
        parts.text(&format!("{} {:?}", export.esp_dl(), export.order()));
        parts.finish()
    }
}

/// Returns the origin that a file's metadata tells.
fn recorded(metadata: &[(String, String)]) -> Option<Origin> {
    let of = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    Some(Origin { model: of(MODEL)?, configuration: of(CONFIGURATION)? })
}
