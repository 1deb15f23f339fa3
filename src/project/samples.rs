//! Sample files that a configuration names, found and ready to be opened.

use std::path::PathBuf;

use crate::samples::{self, Files, Request};
use crate::{Error, Kind, Result};

use super::config::{Data, Spanned};
use super::{Project, locate};

/// The files of one model input; of all of them where the name is empty.
pub struct Named {
    pub input: String,
    pub files: Vec<PathBuf>,
}

impl Project {
    /// The samples that `[calibration]` asks for: at most `samples` of those that `data` names.
    ///
    /// An error where `data` is missing, or names no file for all inputs.
    pub fn samples(&self) -> Result<Request> {
        let calibration = &self.config.calibration;
        let Some(data) = &calibration.data else {
            return Err(Error::new("where samples are is not said")
                .at_key("calibration.data")
                .with_help("add data = \"calib/*.npy\""));
        };
        let files = match &data.value {
            Data::One(pattern) => Files::Shared(find(self, pattern).map_err(|e| e.at_key("calibration.data"))?),
            Data::PerInput(patterns) => {
                let named =
                    |(input, pattern): &(Spanned<String>, _)| (input.value.clone(), self.files_of(input, pattern));
                Files::PerInput(patterns.iter().map(named).collect())
            }
        };
        Ok(Request {
            files,
            wanted: self.config.calibration_samples(),
            is_number_named: calibration.samples.is_some(),
            image: calibration.image.options(),
            table: "calibration",
        })
    }

    /// The files that `calibration.data` names, before any is opened.
    pub fn sample_files(&self) -> Result<Vec<Named>> {
        match self.config.calibration.data.as_ref().map(|d| &d.value) {
            None => Ok(Vec::new()),
            Some(Data::One(pattern)) => {
                let files = find(self, pattern).map_err(|e| e.at_key("calibration.data"))?;
                Ok(vec![Named { input: String::new(), files }])
            }
            Some(Data::PerInput(patterns)) => {
                let named = |(input, pattern): &(Spanned<String>, _)| {
                    Ok(Named { input: input.value.clone(), files: self.files_of(input, pattern)? })
                };
                patterns.iter().map(named).collect()
            }
        }
    }

    fn files_of(&self, input: &Spanned<String>, pattern: &Spanned<String>) -> Result<Vec<PathBuf>> {
        find(self, &pattern.value).map_err(|e| e.at_key(format!("calibration.data.\"{}\"", input.value)))
    }
}

fn find(project: &Project, pattern: &str) -> Result<Vec<PathBuf>> {
    let path = project.resolve(pattern);
    let mut files = locate::files(&path)?;
    if path.is_dir() {
        // A folder may hold a README beside its samples; a pattern means what it matches.
        let all = files.len();
        files.retain(|f| samples::is_sample(f));
        if files.is_empty() {
            let what = match all {
                0 => format!("folder {} is empty", path.display()),
                n => format!("folder {} holds no samples among its {n} files", path.display()),
            };
            return Err(Error::new(what)
                .with_help(format!("put samples there: {}", samples::FORMATS))
                .of_kind(Kind::Missing));
        }
    }
    if files.is_empty() {
        let what = match locate::is_pattern(pattern) {
            true => format!("no file matches {}", path.display()),
            false => format!("there is no file or folder {}", path.display()),
        };
        return Err(Error::new(what).with_help("paths are relative to the folder of espq.toml").of_kind(Kind::Missing));
    }
    Ok(files)
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
