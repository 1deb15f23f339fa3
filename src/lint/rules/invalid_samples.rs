//! S001

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports sample files that cannot be read or do not match each other: damaged files, mixed formats, an input
    /// without samples.
    ///
    /// ## Why is this bad?
    /// Every scale of an activation comes from these samples. Without them nothing can be calibrated.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib"      # contains .npy files and images
    /// ```
    ///
    /// ## What to do
    /// Select files of one format, with one source for each input of the model:
    /// ```toml
    /// [calibration]
    /// data = { "image" = "images/*.png", "state" = "state.npy" }
    /// ```
    S001, "invalid-samples", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(error) = facts.samples.and_then(Result::err) else { return };
    if !matches!(error.kind(), Kind::Missing | Kind::Shape | Kind::NotFinite) {
        let mut finding =
            Finding::new(&RULE, place::of_error(facts.project, error, "calibration.data"), place::sentence(error));
        finding.help = error.help().map(str::to_string);
        findings.push(finding);
    }
}
