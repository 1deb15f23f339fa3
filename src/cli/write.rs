//! Writing a configuration's new text, and diffs of it.

use std::path::Path;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::udiff::UnifiedHunkHeader;
use similar::{DiffOp, group_diff_ops};

use crate::{Error, Result};

/// Unchanged lines around each change of a diff.
const CONTEXT: usize = 3;

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

/// Returns a unified diff of two texts of one file.
pub(super) fn difference(file: &Path, before: &str, after: &str) -> String {
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (old, new) = (lines(before), lines(after));
    let mut hunks = Vec::new();
    for hunk in group_diff_ops(changes(&old, &new), CONTEXT) {
        hunks.push(format!("{}\n", UnifiedHunkHeader::new(&hunk)));
        for change in hunk.iter().flat_map(|op| op.iter_changes(&old[..], &new[..])) {
            let line: &str = change.value();
            let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
            hunks.push(format!("{}{line}{end}", change.tag()));
        }
    }
    let name = file.display();
    if hunks.is_empty() { String::new() } else { format!("--- {name}\n+++ {name}\n{}", hunks.concat()) }
}

/// Returns what became of the lines. Only Myers' algorithm is called, and once: each algorithm of the crate is compiled for
/// each type of text, which is a quarter of a megabyte.
fn changes(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let mut changes = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = myers::diff_deadline_raw(&mut changes, old, 0..old.len(), new, 0..new.len(), None);
    changes.into_inner().into_inner().into_ops()
}
