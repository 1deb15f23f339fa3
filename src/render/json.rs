//! Reports as JSON, for machines: figures as they are, notes as sentences.

use serde::Serialize;

use crate::analysis::{Layer, Observers, OutputError, Report, Seconds};
use crate::note::sentences;
use crate::{Error, Result};

#[derive(Serialize)]
struct Shown<'a, S> {
    model: &'a str,
    settings: &'a S,
    calibration_samples: usize,
    analysis_samples: usize,
    layers: &'a [Layer],
    outputs: &'a [OutputError],
    #[serde(skip_serializing_if = "Option::is_none")]
    observers: Option<&'a Observers>,
    notes: Vec<String>,
    seconds: Seconds,
}

/// Serializes a report. An error where a figure has no place in JSON.
pub fn json(report: &Report) -> Result<String> {
    let Report { model, settings, calibration_samples, analysis_samples, layers, outputs, observers, notes, seconds } =
        report;
    let shown = Shown {
        model,
        settings,
        calibration_samples: *calibration_samples,
        analysis_samples: *analysis_samples,
        layers,
        outputs,
        observers: observers.as_ref(),
        notes: sentences(notes),
        seconds: *seconds,
    };
    let mut text = serde_json::to_string_pretty(&shown)
        .map_err(|e| Error::new(format!("the report cannot be written as JSON: {e}")))?;
    text.push('\n');
    Ok(text)
}
