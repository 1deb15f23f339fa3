//! Sample files of a configuration, ready to be opened.

use std::path::{Path, PathBuf};

use crate::note::Note;
use crate::samples::{self, Files, Request};
use crate::{Error, Kind, Result};

use super::Project;
use super::config::{Data, Spanned};
use super::glob::{self, Found};

/// Files of one model input, or of all inputs if the name is empty.
pub struct Named {
    /// Name of the input.
    pub input: String,
    /// Files in the order in which they are opened.
    pub files: Vec<PathBuf>,
}

impl Project {
    /// Returns the samples of `[calibration]`: at most `samples` of the files in `data`.
    ///
    /// Fails if `data` is missing, or if no files are found for all inputs.
    pub fn samples(&self) -> Result<Request> {
        let calibration = &self.config.calibration;
        let Some(data) = &calibration.data else {
            return Err(Error::new("`calibration.data` is missing, so there are no samples")
                .at_key("calibration.data")
                .with_help("add data = \"calib/*.npy\""));
        };
        let mut notes = Vec::new();
        let mut noted = |found: Found| {
            notes.extend(found.links.iter().map(|link| not_followed(link)));
            found.files
        };
        let files = match &data.value {
            Data::One(pattern) => Files::Shared(noted(self.found(pattern)?)),
            Data::PerInput(patterns) => {
                let named = |(input, pattern): &(Spanned<String>, _)| {
                    (input.value.clone(), self.found_for(input, pattern).map(&mut noted))
                };
                Files::PerInput(patterns.iter().map(named).collect())
            }
        };
        Ok(Request {
            files,
            wanted: self.config.calibration_samples(),
            is_number_named: calibration.samples.is_some(),
            image: calibration.image.options(),
            table: "calibration",
            notes,
        })
    }

    /// Returns the files in `calibration.data` without opening them.
    pub fn sample_files(&self) -> Result<Vec<Named>> {
        match self.config.calibration.data.as_ref().map(|d| &d.value) {
            None => Ok(Vec::new()),
            Some(Data::One(pattern)) => Ok(vec![Named { input: String::new(), files: self.found(pattern)?.files }]),
            Some(Data::PerInput(patterns)) => {
                let named = |(input, pattern): &(Spanned<String>, _)| {
                    Ok(Named { input: input.value.clone(), files: self.found_for(input, pattern)?.files })
                };
                patterns.iter().map(named).collect()
            }
        }
    }

    fn found(&self, pattern: &str) -> Result<Found> {
        find(self, pattern).map_err(|e| e.at_key("calibration.data"))
    }

    fn found_for(&self, input: &Spanned<String>, pattern: &Spanned<String>) -> Result<Found> {
        find(self, &pattern.value).map_err(|e| e.at_key(format!("calibration.data.\"{}\"", input.value)))
    }
}

fn not_followed(link: &Path) -> Note {
    Note::new(format!(
        "{} is a link to a folder and was not followed, so its files are not used as samples; \
         link the files themselves, or name the folder in `calibration.data`",
        link.display()
    ))
}

/// Finds the files that match a pattern; fails if there are none.
fn find(project: &Project, pattern: &str) -> Result<Found> {
    let path = project.resolve(pattern);
    let mut found = glob::files(&path)?;
    let all = found.files.len();
    if path.is_dir() {
        // A folder may contain a README beside its samples; a pattern includes every match.
        found.files.retain(|f| samples::is_sample(f));
    }
    if !found.files.is_empty() {
        return Ok(found);
    }
    let what = match all {
        _ if !path.is_dir() && glob::is_glob(pattern) => format!("no file matches {}", path.display()),
        _ if !path.is_dir() => format!("there is no file or folder {}", path.display()),
        0 => format!("folder {} is empty", path.display()),
        n => format!("folder {} contains {n} files, but no samples", path.display()),
    };
    let help = match found.links.first() {
        Some(link) => not_followed(link).to_string(),
        None if pattern.contains('\\') && !cfg!(windows) => "write `/` between folders".to_string(),
        None if path.is_dir() => format!("put samples there: {}", samples::FORMATS),
        None => "paths are relative to the folder of espq.toml".to_string(),
    };
    Err(Error::new(what).with_help(help).of_kind(Kind::Missing))
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
