//! S003

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports samples whose shape or type is not that of the model's input.
    ///
    /// ## Why is this bad?
    /// A sample that is merely reshaped gives the wrong ranges. The usual case is channels-last images for a
    /// channels-first model: all scales are wrong, without an error.
    ///
    /// ## Example
    /// ```text
    /// the array is 32x96x96x3, but input `image` expects 1x3x96x96 (or Nx3x96x96 for N samples)
    /// ```
    ///
    /// ## What to do
    /// Save the samples in the shape of the model's input: `np.save("calib.npy", images.transpose(0, 3, 1, 2))`.
    S003, "sample-shape", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    if let Some(error) = facts.samples.and_then(Result::err).filter(|e| e.kind() == Kind::Shape) {
        let span = place::of_error(facts.project, error, "calibration.data");
        let mut finding = Finding::new(&RULE, span, place::sentence(error));
        finding.help = error.help().map(str::to_string);
        findings.push(finding);
    }
}
