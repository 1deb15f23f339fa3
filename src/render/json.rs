//! Reports as JSON, for programs: figures unrounded, notes as sentences.

use serde::Serialize;

use crate::analysis::{Layer, Observers, OnChip, OutputError, Report, Seconds};
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
    /// Result of the finished file on the chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_chip: Option<&'a OnChip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observers: Option<&'a Observers>,
    notes: Vec<String>,
    seconds: Seconds,
}

/// Serializes a report. Fails if a figure has no JSON form.
pub fn json(report: &Report) -> Result<String> {
    let Report {
        model,
        settings,
        calibration_samples,
        analysis_samples,
        layers,
        outputs,
        observers,
        notes,
        seconds,
        on_chip,
    } = report;
    let shown = Shown {
        model,
        settings,
        calibration_samples: *calibration_samples,
        analysis_samples: *analysis_samples,
        layers,
        outputs,
        on_chip: on_chip.as_ref(),
        observers: observers.as_ref(),
        notes: sentences(notes),
        seconds: *seconds,
    };
    let mut text = serde_json::to_string_pretty(&shown)
        .map_err(|e| Error::new(format!("the report cannot be written as JSON: {e}")))?;
    text.push('\n');
    Ok(text)
}
