//! The file of `--baseline` and `--write-baseline`.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::lint::{Baseline, Finding};
use crate::render::findings::Linted;

use crate::cli::paths;

/// Longest baseline that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// Known issues, with the folder to which their files are relative.
pub struct Known {
    baseline: Baseline,
    folder: PathBuf,
}

impl Known {
    pub fn read(file: &Path) -> Result<Known> {
        let help = || format!("`espq lint --write-baseline {}` writes it", file.display());
        let text = crate::file::text(file, LONGEST).map_err(|e| e.with_help(help()))?;
        let baseline = Baseline::parse(&text).map_err(|e| e.in_file(file))?;
        Ok(Known { baseline, folder: paths::folder_of(file).to_path_buf() })
    }

    /// Removes the known findings of a project.
    pub fn remove(&self, project: &Path, findings: &mut Vec<Finding>) {
        self.baseline.remove_known(&name(project, &self.folder), findings);
    }
}

/// Writes the findings, and returns their number.
pub fn write(file: &Path, linted: &[Linted]) -> Result<usize> {
    let folder = paths::folder_of(file);
    let one = |one: &'_ Linted| name(&one.project.file, folder);
    let findings = linted.iter().flat_map(|l| l.findings.iter().map(move |finding| (one(l), finding)));
    let baseline = Baseline::of(findings);
    crate::file::write(file, baseline.to_text().as_bytes())?;
    Ok(baseline.len())
}

/// Returns a project's path as a baseline in a folder has it.
fn name(project: &Path, folder: &Path) -> String {
    paths::relative(project, folder).unwrap_or_else(|_| project.to_string_lossy().replace('\\', "/"))
}
