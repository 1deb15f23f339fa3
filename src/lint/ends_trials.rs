//! Trials of other ends of the network, with their measured effect.

use crate::analysis::{Joint, Report};
use crate::detect::{FoundBoxes, Head};
use crate::project::{Project, edit};
use crate::text::units::percent;

use super::{Fix, FixKind, Safety};

/// Network with other outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct EndsTrial {
    /// Name of each output, and the value or layer that it is at.
    pub outputs: Vec<(String, String)>,
    /// Error of each output.
    pub errors: Vec<(String, f64)>,
    /// Boxes of the float network beside those of the quantized one.
    pub boxes: Option<FoundBoxes>,
}

/// Measured ends, by the finding that they fix.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndsTrials {
    /// Ends before the decoding of boxes.
    pub head: Option<EndsTrial>,
    /// Outputs of their own for the parts of a joint, by its layer.
    pub apart: Vec<(String, EndsTrial)>,
    /// Joints at int16, by layer: errors of their parts.
    pub wide: Vec<(String, Vec<f64>)>,
}

impl EndsTrials {
    /// Returns the outputs of their own for a joint's parts.
    pub fn apart(&self, layer: &str) -> Option<&EndsTrial> {
        self.apart.iter().find(|(name, _)| name == layer).map(|(_, trial)| trial)
    }

    /// Returns the errors of a joint's parts at int16.
    pub fn wide(&self, layer: &str) -> Option<&[f64]> {
        self.wide.iter().find(|(name, _)| name == layer).map(|(_, parts)| parts.as_slice())
    }
}

/// Returns the outputs of a model with those of their own for the parts of a joint; `None` for a joint that is no output.
pub fn apart(joint: &Joint, report: &Report) -> Option<Vec<(String, String)>> {
    let output = joint.output.as_ref()?;
    let mut outputs = Vec::new();
    for one in &report.outputs {
        match one.name == *output {
            true => outputs.extend(joint.parts.iter().map(|part| (part.value.clone(), part.value.clone()))),
            false => outputs.push((one.name.clone(), one.name.clone())),
        }
    }
    Some(outputs)
}

/// Returns the fix that ends the network before decoding, with its effect if it was measured.
pub fn of_head(project: &Project, head: &Head, report: Option<&Report>, trial: Option<&EndsTrial>) -> Option<Fix> {
    let outputs: Vec<(String, String)> = head.outputs().into_iter().map(|(name, at)| (name, at.at.clone())).collect();
    let effect = report.zip(trial).map(|(report, trial)| format!(": {}", effect(report, trial))).unwrap_or_default();
    fix(project, &outputs, format!("end the network before decoding, at {} outputs{effect}", outputs.len()))
}

/// Returns the fix that gives the parts of a joint outputs of their own.
pub fn of_joint(project: &Project, report: &Report, trial: &EndsTrial) -> Option<Fix> {
    fix(project, &trial.outputs, format!("outputs of their own: {}", effect(report, trial)))
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
    let boxes = match (report.detection, trial.boxes) {
        (Some(before), Some(after)) if before.boxes > 0 => {
            format!("; boxes found {} of {} -> {} of {}", before.found, before.boxes, after.found, after.boxes)
        }
        _ => String::new(),
    };
    format!("error {before} -> {after}{boxes}")
}
