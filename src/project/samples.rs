//! Sample files of a configuration, ready to be opened.

use std::path::{Path, PathBuf};

use crate::note::Note;
use crate::samples::{self, Files, LabelSource, Request};
use crate::{Error, Kind, Result};

use super::Project;
use super::config::{Data, Spanned};
use super::glob::{self, Found};
use super::missing;

/// Files of one model input, or of all inputs if the name is empty.
pub struct Named {
    /// Table of the configuration that names them.
    pub table: &'static str,
    /// Name of the input.
    pub input: String,
    /// Files in the order in which they are opened.
    pub files: Vec<PathBuf>,
    /// The most samples that are read from them.
    pub wanted: usize,
}

/// The `data` of one table.
struct Source<'a> {
    table: &'static str,
    data: &'a Data,
    wanted: usize,
    is_number_named: bool,
}

impl Project {
    /// Returns the samples of `[calibration]`: at most `samples` of the files in `data`.
    ///
    /// Fails if `data` is missing, or if no files are found for all inputs.
    pub fn samples(&self) -> Result<Request> {
        match self.sources().into_iter().find(|source| source.table == CALIBRATION) {
            Some(source) => self.request(&source),
            None => Err(Error::new("the samples are not configured")
                .at_key("calibration.data")
                .with_help("add data = \"calib/*.npy\"")),
        }
    }

    /// The samples that `[analysis]` asks for; `None` where error is measured on those of `[calibration]`.
    pub fn analysis_samples(&self) -> Result<Option<Request>> {
        self.sources().iter().find(|source| source.table == ANALYSIS).map(|source| self.request(source)).transpose()
    }

    /// The files that `data` names in `[calibration]` and `[analysis]`, before any is opened.
    pub fn sample_files(&self) -> Result<Vec<Named>> {
        let mut all = Vec::new();
        for source in self.sources() {
            all.extend(self.named(&source)?);
        }
        Ok(all)
    }

    /// The files of labelled samples, before any is opened.
    pub fn labelled_files(&self) -> Result<Vec<Named>> {
        self.labelled().map_or(Ok(Vec::new()), |source| self.named(&source))
    }

    fn named(&self, source: &Source) -> Result<Vec<Named>> {
        let &Source { table, wanted, .. } = source;
        let named = |input: &str, files| Named { table, input: input.to_string(), files, wanted };
        match source.data {
            Data::One(pattern) => Ok(vec![named("", self.found(source, pattern)?.files)]),
            Data::PerInput(patterns) => patterns
                .iter()
                .map(|(input, pattern)| Ok(named(&input.value, self.found_for(source, input, pattern)?.files)))
                .collect(),
        }
    }

    /// The patterns of all samples, from the project's folder on.
    pub(super) fn sample_patterns(&self) -> Vec<PathBuf> {
        let patterns = |source: Source| match source.data {
            Data::One(pattern) => vec![self.resolve(pattern)],
            Data::PerInput(patterns) => patterns.iter().map(|(_, p)| self.resolve(&p.value)).collect(),
        };
        self.sources().into_iter().chain(self.labelled()).flat_map(patterns).collect()
    }

    /// Returns the samples with labels; `None` if `[accuracy]` asks for nothing.
    pub fn labelled_samples(&self) -> Result<Option<Request>> {
        self.labelled().map(|source| self.request(&source)).transpose()
    }

    /// The `data` of labelled samples: their own, else that of analysis or calibration without its number.
    fn labelled(&self) -> Option<Source<'_>> {
        let accuracy = &self.config.accuracy;
        if accuracy.labels.is_none() && accuracy.command.is_none() {
            return None;
        }
        let own = accuracy.data.as_ref().map(|data| (ACCURACY, &data.value));
        let (table, data) = own.or_else(|| self.sources().last().map(|source| (source.table, source.data)))?;
        let wanted = accuracy.samples.as_ref().map_or(usize::MAX, |given| given.value);
        Some(Source { table, data, wanted, is_number_named: accuracy.samples.is_some() })
    }

    fn sources(&self) -> Vec<Source<'_>> {
        let config = &self.config;
        let calibration = config.calibration.data.as_ref().map(|data| Source {
            table: CALIBRATION,
            data: &data.value,
            wanted: config.calibration_samples(),
            is_number_named: config.calibration.samples.is_some(),
        });
        let analysis = config.analysis.data.as_ref().map(|data| Source {
            table: ANALYSIS,
            data: &data.value,
            wanted: config.analysis_samples(),
            is_number_named: config.analysis.samples.is_some(),
        });
        calibration.into_iter().chain(analysis).collect()
    }

    fn request(&self, source: &Source) -> Result<Request> {
        let mut notes = Vec::new();
        let mut noted = |found: Found| {
            notes.extend(found.links.iter().map(|link| not_followed(source.table, link)));
            found.files
        };
        let files = match source.data {
            Data::One(pattern) => Files::Shared(noted(self.found(source, pattern)?)),
            Data::PerInput(patterns) => {
                let named = |(input, pattern): &(Spanned<String>, _)| {
                    (input.value.clone(), self.found_for(source, input, pattern).map(&mut noted))
                };
                Files::PerInput(patterns.iter().map(named).collect())
            }
        };
        let request = Request {
            files,
            wanted: source.wanted,
            is_number_named: source.is_number_named,
            image: self.config.calibration.image.options(),
            besides: match self.labels() {
                Some(LabelSource::Array(name)) => Some(name),
                _ => None,
            },
            table: source.table,
            notes,
        };
        Ok(request.normalized())
    }

    fn found(&self, source: &Source, pattern: &str) -> Result<Found> {
        find(self, source.table, "data", pattern).map_err(|e| e.at_key(format!("{}.data", source.table)))
    }

    fn found_for(&self, source: &Source, input: &Spanned<String>, pattern: &Spanned<String>) -> Result<Found> {
        let key = || format!("{}.data.\"{}\"", source.table, input.value);
        let name = toml::Value::from(input.value.as_str()).to_string();
        find(self, source.table, &name, &pattern.value).map_err(|e| e.at_key(key()))
    }
}

const CALIBRATION: &str = "calibration";
const ANALYSIS: &str = "analysis";
const ACCURACY: &str = "accuracy";

fn not_followed(table: &str, link: &Path) -> Note {
    Note::new(format!(
        "{} is a link to a folder and was not followed: its files are not among the samples; \
         link the files themselves, or name the folder in `{table}.data`",
        link.display()
    ))
}

/// Finds what a pattern names, in the line of a key; an error where that is no file.
fn find(project: &Project, table: &str, key: &str, pattern: &str) -> Result<Found> {
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
    let error = Error::new(what).of_kind(Kind::Missing);
    Err(match found.links.first() {
        Some(link) => error.with_help(not_followed(table, link).to_string()),
        None if path.is_dir() => error.with_help(format!("put samples there: {}", samples::FORMATS)),
        None => missing::samples(project, pattern, key).explain(error),
    })
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
