//! Origin of an exported file, and what has changed since.

use crate::lint::ExportedFile;
use crate::project::Stage;

use super::content::{Key, KeyBuilder};
use super::opened::Opened;

/// Entries of an exported file's metadata that tell its origin.
pub(super) const TARGET: &str = "target";
pub(super) const MODEL: &str = "model.blake3";
pub(super) const INPUTS: &str = "inputs.blake3";

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
