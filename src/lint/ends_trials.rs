//! Trials of other ends of the network, with their measured effect.

use crate::analysis::Report;
use crate::detect::{FoundBoxes, Head};
use crate::project::{Project, edit};
use crate::text::units::{count, percent};

use super::{Fix, FixKind, Safety, found_boxes};

/// Network with other outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct EndsTrial {
    /// Name of each output, and the value or layer that it is at.
    pub outputs: Vec<(String, String)>,
    /// Error of each output.
    pub errors: Vec<(String, f64)>,
    /// Boxes of the float network beside those of the quantized one.
    pub boxes: Option<FoundBoxes>,
    /// Layers that are cut off with a joint, behind it.
    pub behind: usize,
}

/// Measured ends, by the finding that they fix.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndsTrials {
    /// Ends before the decoding of boxes.
    pub head: Option<EndsTrial>,
    /// Outputs of their own for the parts of a joint, by its layer.
    pub apart: Vec<(String, EndsTrial)>,
    /// Joints at int16, by layer.
    pub wide: Vec<(String, WideJoint)>,
}

/// Joint at int16.
#[derive(Debug, Clone, PartialEq)]
pub struct WideJoint {
    /// The joint, and the layers that move its values to an output.
    pub layers: Vec<String>,
    /// Errors of its parts.
    pub parts: Vec<f64>,
}

impl EndsTrial {
    /// Returns the error of the worst output.
    pub fn worst(&self) -> f64 {
        self.errors.iter().map(|(_, nsr)| *nsr).fold(0.0, f64::max)
    }
}

impl EndsTrials {
    /// Returns the outputs of their own for a joint's parts.
    pub fn apart(&self, layer: &str) -> Option<&EndsTrial> {
        self.apart.iter().find(|(name, _)| name == layer).map(|(_, trial)| trial)
    }

    /// Returns a joint at int16.
    pub fn wide(&self, layer: &str) -> Option<&WideJoint> {
        self.wide.iter().find(|(name, _)| name == layer).map(|(_, wide)| wide)
    }
}

/// Returns the fix that ends the network before decoding, with its effect if it was measured.
pub fn of_head(project: &Project, head: &Head, report: Option<&Report>, trial: Option<&EndsTrial>) -> Option<Fix> {
    let outputs: Vec<(String, String)> = head.outputs().into_iter().map(|(name, at)| (name, at.at.clone())).collect();
    let effect = report.zip(trial).map(|(report, trial)| format!(": {}", effect(report, trial))).unwrap_or_default();
    fix(project, &outputs, format!("end the network before decoding, at {} outputs{effect}", outputs.len()))
}

/// Returns the fix that gives the parts of a joint outputs of their own; `before` is the error of the worst one, joined.
pub fn of_joint(project: &Project, report: &Report, before: f64, trial: &EndsTrial) -> Option<Fix> {
    let behind = match trial.behind {
        0 => String::new(),
        layers => format!(", with {} behind the Concat on the CPU", count(layers, "layer")),
    };
    let (before, after) = (percent(before), percent(trial.worst()));
    let effect = format!("error of the worst part {before} -> {after}{}", boxes(report, trial));
    fix(project, &trial.outputs, format!("Outputs of their own{behind}: {effect}"))
}

fn fix(project: &Project, outputs: &[(String, String)], title: String) -> Option<Fix> {
    let edit = edit::set_outputs(&project.text, outputs)?;
    Some(Fix { title, kind: FixKind::Settings, safety: Safety::Unsafe, edits: vec![edit] })
}

/// "error output0 24.7% -> box0 0.61%, score0 1.2%; boxes found 0 of 12 -> 11 of 12"
fn effect(report: &Report, trial: &EndsTrial) -> String {
    let list = |errors: Vec<(&str, f64)>| {
        errors.into_iter().map(|(name, nsr)| format!("{name} {}", percent(nsr))).collect::<Vec<_>>().join(", ")
    };
    let before = list(report.outputs.iter().map(|output| (output.name.as_str(), output.error.nsr)).collect());
    let after = list(trial.errors.iter().map(|(name, nsr)| (name.as_str(), *nsr)).collect());
    format!("error {before} -> {after}{}", boxes(report, trial))
}

fn boxes(report: &Report, trial: &EndsTrial) -> String {
    let change = report.detection.zip(trial.boxes).and_then(|(before, after)| found_boxes(&before, &after));
    change.map(|change| format!("; {change}")).unwrap_or_default()
}
