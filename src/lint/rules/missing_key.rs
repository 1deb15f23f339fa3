//! C004

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Safety};
use crate::project::ProblemKind;

use super::problems;

rule! {
    /// ## What it does
    /// Reports a missing key that has no default: `model.path`, `model.target` and `calibration.data`.
    ///
    /// ## Why is this bad?
    /// Quantization needs the model, the chip whose rules apply, and samples for the ranges of activations.
    ///
    /// ## Example
    /// ```toml
    /// [model]
    /// path = "mobilenet_v2.onnx"
    /// ```
    ///
    /// ## What to do
    /// ```toml
    /// [model]
    /// path = "mobilenet_v2.onnx"
    /// target = "esp32p4"
    ///
    /// [calibration]
    /// data = "calib/*.npy"
    /// ```
    C004, "missing-key", Error, Text
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    problems::of_kind(&RULE, ProblemKind::MissingKey, Safety::Unsafe, facts, findings);
}
