//! Labels of samples as written: their source, and the names of classes.

use std::path::Path;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use crate::samples::LabelSource;
use crate::{Result, file};

use super::values::{Choice, Toml, Value, quoted};
use super::{LONGEST, Project};

/// Names of the network's classes, in the order of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassNames {
    /// Names in the text.
    Listed(Vec<String>),
    /// A text file with one name in each line.
    File(String),
}

impl Project {
    /// Returns the source of labels, with the path of its file; `None` if `[accuracy]` names none.
    pub fn labels(&self) -> Option<LabelSource> {
        Some(match &self.config.accuracy.labels.as_ref()?.value {
            LabelSource::File(file) => LabelSource::File(self.resolve(&file.to_string_lossy())),
            other => other.clone(),
        })
    }

    /// Returns the names of the network's classes, if `[accuracy]` has them. Fails if their file cannot be read.
    pub fn classes(&self) -> Result<Option<Vec<String>>> {
        let Some(given) = &self.config.accuracy.classes else { return Ok(None) };
        let file = match &given.value {
            ClassNames::Listed(names) => return Ok(Some(names.clone())),
            ClassNames::File(file) => self.resolve(file),
        };
        let text = file::text(&file, LONGEST).map_err(|e| {
            e.at_key("accuracy.classes")
                .with_help("a text file with the name of one class in each line, in the order of the network's output")
        })?;
        let names = text.trim_start_matches('\u{feff}').lines().map(|line| line.trim().to_string());
        Ok(Some(names.filter(|name| !name.is_empty()).collect()))
    }

    /// Returns the files that decide labels, besides those of the samples.
    pub fn label_files(&self) -> Vec<std::path::PathBuf> {
        let labels = self.labels().and_then(|source| match source {
            LabelSource::File(file) => Some(file),
            LabelSource::Folders | LabelSource::Array(_) => None,
        });
        let classes = self.config.accuracy.classes.as_ref().and_then(|given| match &given.value {
            ClassNames::File(file) => Some(self.resolve(file)),
            ClassNames::Listed(_) => None,
        });
        labels.into_iter().chain(classes).collect()
    }
}

const FOLDERS: &str = "folders";

impl Value for LabelSource {
    fn expected() -> String {
        "`\"folders\"`, a `.csv`, `.txt` or `.npy` file, or the name of an array in the `.npz` files".to_string()
    }

    fn parse(value: &Toml) -> Option<LabelSource> {
        let text = String::parse(value)?;
        let ending = Path::new(&text).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        Some(match ending.as_deref() {
            Some("csv" | "txt" | "tsv" | "npy") => LabelSource::File(text.into()),
            _ if text == FOLDERS => LabelSource::Folders,
            _ => LabelSource::Array(text),
        })
    }

    fn write(&self) -> String {
        match self {
            LabelSource::Folders => quoted(FOLDERS),
            LabelSource::File(file) => quoted(&file.to_string_lossy()),
            LabelSource::Array(name) => quoted(name),
        }
    }

    fn json_schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn choices() -> Vec<Choice> {
        vec![Choice { text: quoted(FOLDERS), doc: "The folder of a sample's file is its class." }]
    }
}

impl Value for ClassNames {
    fn expected() -> String {
        "a list of names ([\"cat\", \"dog\"]), or a text file with one name in each line".to_string()
    }

    fn parse(value: &Toml) -> Option<ClassNames> {
        match value.get_ref() {
            DeValue::Array(names) => {
                let names: Option<Vec<String>> = names.iter().map(String::parse).collect();
                names.filter(|names| !names.is_empty()).map(ClassNames::Listed)
            }
            _ => String::parse(value).map(ClassNames::File),
        }
    }

    fn write(&self) -> String {
        match self {
            ClassNames::File(file) => quoted(file),
            ClassNames::Listed(names) => {
                format!("[{}]", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn json_schema() -> Json {
        let list = json!({ "type": "array", "items": String::json_schema(), "minItems": 1 });
        json!({ "anyOf": [list, String::json_schema()] })
    }
}
