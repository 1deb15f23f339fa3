//! Writing of a configuration's new text, and the difference to the old one.

use std::path::Path;

use crate::{Error, Result};

/// Puts a text in the place of a file, whole or not at all: beside its place first, so that a full disk leaves the old text.
/// Errors name the file.
pub(super) fn replace(file: &Path, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| Error::new(format!("cannot be written: {e}")).in_file(file);
    // Through a link to what it points at.
    let target = file.canonicalize().map_err(failed)?;
    let temporary = target.with_extension(format!("toml.{}.tmp", std::process::id()));
    let written = std::fs::write(&temporary, text)
        .and_then(|()| std::fs::set_permissions(&temporary, std::fs::metadata(&target)?.permissions()))
        .and_then(|()| std::fs::rename(&temporary, &target));
    if written.is_err() {
        // Nothing is there where even the first step failed.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

/// A unified difference of two texts of one file.
pub(super) fn difference(file: &Path, before: &str, after: &str) -> String {
    let name = file.display().to_string();
    similar::TextDiff::from_lines(before, after).unified_diff().header(&name, &name).to_string()
}
