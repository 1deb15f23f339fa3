//! Reports as JSON, for programs: figures unrounded, notes as sentences.

use serde::Serialize;

use crate::analysis::{Accuracy, Joint, Layer, Loss, Observers, OnChip, OutputError, Report, Saturation, Seconds};
use crate::cost::Cost;
use crate::detect::FoundBoxes;
use crate::engine::Profile;
use crate::lint::{Trial, Trials};
use crate::note::sentences;
use crate::{Error, Result};

use super::View;

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
    /// Losses by saturation, where an output is over its limit.
    #[serde(skip_serializing_if = "<[Saturation]>::is_empty")]
    saturation: &'a [Saturation],
    /// Boxes of the float network beside those of the quantized one.
    #[serde(skip_serializing_if = "Option::is_none")]
    detection: Option<FoundBoxes>,
    /// Result of the finished file on the chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_chip: Option<&'a OnChip>,
    /// Accuracy on labelled samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<ShownAccuracy<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observers: Option<&'a Observers>,
    /// Flash, RAM and time of the file; microseconds, with their bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<&'a Cost>,
    /// Sets of int16 layers by flash, if they were searched: none has both less error and less flash than another.
    #[serde(skip_serializing_if = "<[Trial]>::is_empty")]
    trade_offs: &'a [Trial],
    /// Measurements of a board beside the estimates, if there is a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a Profile>,
    notes: Vec<String>,
    seconds: Seconds,
}

/// Accuracy with what quantization loses of it.
#[derive(Serialize)]
pub struct ShownAccuracy<'a> {
    #[serde(flatten)]
    accuracy: &'a Accuracy,
    loss: Loss,
}

impl ShownAccuracy<'_> {
    /// Returns the form of an accuracy in JSON.
    pub fn of(accuracy: &Accuracy) -> ShownAccuracy<'_> {
        ShownAccuracy { accuracy, loss: accuracy.loss() }
    }
}

/// Returns a report in its JSON form, with the cost of its file and a board's measurements if they are known.
pub(super) fn shown<'a>(
    report: &'a Report,
    cost: Option<&'a Cost>,
    trials: Option<&'a Trials>,
    profile: Option<&'a Profile>,
) -> Shown<'a, impl Serialize + use<'a>> {
    let Report {
        model,
        settings,
        calibration_samples,
        analysis_samples,
        layers,
        outputs,
        joints,
        saturation,
        detection,
        observers,
        notes,
        seconds,
        on_chip,
        accuracy,
    } = report;
    Shown {
        model,
        settings,
        calibration_samples: *calibration_samples,
        analysis_samples: *analysis_samples,
        layers,
        outputs,
        joints,
        saturation,
        detection: *detection,
        on_chip: on_chip.as_ref(),
        accuracy: accuracy.as_ref().map(ShownAccuracy::of),
        observers: observers.as_ref(),
        cost,
        trade_offs: trials.map_or(&[], |trials| &trials.trade_offs),
        profile,
        notes: sentences(notes),
        seconds: *seconds,
    }
}

/// Serializes a report. Fails if a figure has no JSON form.
pub fn json(report: &Report, cost: Option<&Cost>, view: &View) -> Result<String> {
    let shown = shown(report, cost, view.trials.as_deref(), view.profile.as_ref());
    let mut text = serde_json::to_string_pretty(&shown)
        .map_err(|e| Error::new(format!("the report cannot be written as JSON: {e}")))?;
    text.push('\n');
    Ok(text)
}
