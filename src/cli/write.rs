//! Writing a configuration's new text, and diffs of it.

use std::path::Path;

use diffy::DiffOptions;

use crate::{Error, Result};

/// Replaces a file atomically: the text is written beside it first, so that a full disk leaves the old one. Errors name
/// the file.
pub(super) fn replace(file: &Path, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| Error::new(format!("cannot be written: {e}")).in_file(file);
    // A link is followed to its target.
    let target = file.canonicalize().map_err(failed)?;
    let temporary = target.with_extension(format!("toml.{}.tmp", std::process::id()));
    let written = std::fs::write(&temporary, text)
        .and_then(|()| std::fs::set_permissions(&temporary, std::fs::metadata(&target)?.permissions()))
        .and_then(|()| std::fs::rename(&temporary, &target));
    if written.is_err() {
        // There is no temporary file if the first step failed.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

/// Writes a file, which need not exist. Errors name it.
pub(super) fn create(file: &Path, text: &str) -> Result<()> {
    match file.is_file() {
        true => replace(file, text),
        false => std::fs::write(file, text).map_err(|e| Error::new(format!("cannot be written: {e}")).in_file(file)),
    }
}

/// Returns a unified diff of two texts of one file; empty if they are equal.
pub(super) fn difference(file: &Path, before: &str, after: &str) -> String {
    let name = file.display().to_string();
    let patch =
        DiffOptions::new().set_original_filename(name.clone()).set_modified_filename(name).create_patch(before, after);
    if patch.hunks().is_empty() { String::new() } else { patch.to_string() }
}
