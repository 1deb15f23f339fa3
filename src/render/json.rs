//! Reports as JSON, for programs: figures unrounded, notes as sentences.

use serde::Serialize;

use crate::analysis::{Joint, Layer, Observers, OnChip, OutputError, Report, Seconds};
use crate::cost::Cost;
use crate::detect::FoundBoxes;
use crate::lint::{Trial, Trials};
use crate::note::sentences;
use crate::{Error, Result};

/// Report with its notes as sentences.
#[derive(Serialize)]
pub(super) struct Shown<'a, S> {
    model: &'a str,
    settings: &'a S,
    calibration_samples: usize,
    analysis_samples: usize,
    layers: &'a [Layer],
    outputs: &'a [OutputError],
    /// Concats that join values of very different ranges.
    #[serde(skip_serializing_if = "<[Joint]>::is_empty")]
    joints: &'a [Joint],
    /// Boxes of the float network beside those of the quantized one.
    #[serde(skip_serializing_if = "Option::is_none")]
    detection: Option<FoundBoxes>,
    /// Result of the finished file on the chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_chip: Option<&'a OnChip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observers: Option<&'a Observers>,
    /// Flash, RAM and time of the file; microseconds, with their bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<&'a Cost>,
    /// Sets of int16 layers by flash, if they were searched: none has both less error and less flash than another.
    #[serde(skip_serializing_if = "<[Trial]>::is_empty")]
    trade_offs: &'a [Trial],
    notes: Vec<String>,
    seconds: Seconds,
}

/// Returns a report in its JSON form, with the cost of its file if it is known.
pub(super) fn shown<'a>(
    report: &'a Report,
    cost: Option<&'a Cost>,
    trials: Option<&'a Trials>,
) -> Shown<'a, impl Serialize + use<'a>> {
    let Report {
        model,
        settings,
        calibration_samples,
        analysis_samples,
        layers,
        outputs,
        joints,
        detection,
        observers,
        notes,
        seconds,
        on_chip,
    } = report;
    Shown {
        model,
        settings,
        calibration_samples: *calibration_samples,
        analysis_samples: *analysis_samples,
        layers,
        outputs,
        joints,
        detection: *detection,
        on_chip: on_chip.as_ref(),
        observers: observers.as_ref(),
        cost,
        trade_offs: trials.map_or(&[], |trials| &trials.trade_offs),
        notes: sentences(notes),
        seconds: *seconds,
    }
}

/// Serializes a report. Fails if a figure has no JSON form.
pub fn json(report: &Report, cost: Option<&Cost>, trials: Option<&Trials>) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&shown(report, cost, trials))
        .map_err(|e| Error::new(format!("the report cannot be written as JSON: {e}")))?;
    text.push('\n');
    Ok(text)
}
