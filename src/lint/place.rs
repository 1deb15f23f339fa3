//! Places of findings in the configuration.

use crate::Error;
use crate::project::Project;
use crate::text::{Edit, Span};

use super::{Fix, FixKind, Safety};

/// Returns a layer's own line, else the place that determines the precision of all layers.
pub fn of_layer(project: &Project, layer: &str) -> Span {
    let config = &project.config;
    let own = config.precision.iter().find(|c| c.layer.value == layer);
    own.map(|c| c.layer.span.clone()).unwrap_or_else(|| of_model(project))
}

/// Returns the place that determines the precision of the model; that of the model's path if there is none.
pub fn of_model(project: &Project) -> Span {
    first(project, &["model.precision", "model.path", "model.target"])
}

/// Returns the place of a key, else that of the model's path.
pub fn of_key(project: &Project, key: &str) -> Span {
    first(project, &[key, "model.path"])
}

/// Returns the place of the observer of all layers.
pub fn of_observer(project: &Project) -> Span {
    first(project, &["calibration.method", "calibration.data", "model.path"])
}

/// Returns the place of the value that an error names.
pub fn of_error(project: &Project, error: &Error, otherwise: &str) -> Span {
    error.key().and_then(|key| project.config.span_of(key)).unwrap_or_else(|| of_key(project, otherwise))
}

/// Returns the fix of a value whose error says what is likely meant.
pub fn meant(project: &Project, error: &Error) -> Option<Fix> {
    let span = project.config.span_of(error.key()?)?;
    let edit = Edit { span, text: toml::Value::from(error.meant()?).to_string() };
    let title = format!("write {}", edit.text);
    // It was guessed from names.
    Some(Fix { title, kind: FixKind::Spelling, safety: Safety::Unsafe, edits: vec![edit] })
}

fn first(project: &Project, keys: &[&str]) -> Span {
    keys.iter().find_map(|key| project.config.span_of(key)).unwrap_or(0..0)
}

/// Formats the message of an error with its layer and file.
pub fn sentence(error: &Error) -> String {
    let mut text = error.what().to_string();
    if let Some(layer) = error.layer() {
        text = format!("layer {layer}: {text}");
    }
    if let Some(file) = error.file() {
        text = format!("{}: {text}", file.display());
    }
    text
}
