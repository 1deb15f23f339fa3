//! Where in the configuration a finding is shown.

use crate::Error;
use crate::project::Project;
use crate::text::Span;

/// A layer's own line, else what decides for all layers.
pub fn of_layer(project: &Project, layer: &str) -> Span {
    let config = &project.config;
    let own = config.precision.iter().find(|c| c.layer.value == layer);
    own.map(|c| c.layer.span.clone()).unwrap_or_else(|| of_model(project))
}

/// What decides the precision of the model; the model itself where nothing does.
pub fn of_model(project: &Project) -> Span {
    first(project, &["model.precision", "model.path", "model.target"])
}

pub fn of_key(project: &Project, key: &str) -> Span {
    first(project, &[key, "model.path"])
}

/// What decides the observer of all layers.
pub fn of_observer(project: &Project) -> Span {
    first(project, &["calibration.method", "calibration.data", "model.path"])
}

/// Where the value stands that an error names.
pub fn of_error(project: &Project, error: &Error, otherwise: &str) -> Span {
    error.key().and_then(|key| project.config.span_of(key)).unwrap_or_else(|| of_key(project, otherwise))
}

fn first(project: &Project, keys: &[&str]) -> Span {
    keys.iter().find_map(|key| project.config.span_of(key)).unwrap_or(0..0)
}

/// The sentence of an error with the layer and the file that it names.
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
