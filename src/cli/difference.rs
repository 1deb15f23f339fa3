//! Diffs of a configuration's texts.

use std::path::Path;

use diffy::DiffOptions;

/// Returns a unified diff of two texts of one file; empty if they are equal.
pub(super) fn of(file: &Path, before: &str, after: &str) -> String {
    let name = file.display().to_string();
    let patch =
        DiffOptions::new().set_original_filename(name.clone()).set_modified_filename(name).create_patch(before, after);
    if patch.hunks().is_empty() { String::new() } else { patch.to_string() }
}
