//! Exported file of a project.

/// Exported file beside the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Name of the file.
    pub name: String,
    /// Chip for which it was exported.
    pub target: String,
    /// Chip that the project names.
    pub wanted: String,
    /// Input that has changed since the export.
    pub changed: Option<&'static str>,
}

impl ExportedFile {
    /// Returns `true` if another chip runs the file.
    pub fn is_for_other_target(&self) -> bool {
        self.target != self.wanted
    }
}
