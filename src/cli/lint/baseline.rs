//! The file of `--baseline` and `--write-baseline`.

use std::path::{Path, PathBuf};

use crate::lint::{Baseline, Finding};
use crate::render::findings::Linted;
use crate::{Error, Result};

use crate::cli::{paths, write};

/// Known issues, with the folder to which their files are relative.
pub struct Known {
    baseline: Baseline,
    folder: PathBuf,
}

impl Known {
    pub fn read(file: &Path) -> Result<Known> {
        let text = std::fs::read_to_string(file).map_err(|e| {
            let error = Error::new(format!("the baseline cannot be read: {e}")).in_file(file);
            error.with_help(format!("`espq lint --write-baseline {}` writes it", file.display()))
        })?;
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
    write::create(file, &baseline.to_text())?;
    Ok(baseline.len())
}

/// Returns a project's path as a baseline in a folder has it.
fn name(project: &Path, folder: &Path) -> String {
    paths::relative(project, folder).unwrap_or_else(|_| project.to_string_lossy().replace('\\', "/"))
}
