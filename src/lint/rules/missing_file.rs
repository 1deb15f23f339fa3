//! C005

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports a missing model file, missing sample files, or a missing file of `board.constants`.
    ///
    /// ## Why is this bad?
    /// Without the file, the error cannot be measured. Paths are relative to the folder of the configuration. A file
    /// that was never added to the repository is missing on other machines only.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib/*.npy"    # the folder is called calibration
    /// ```
    ///
    /// ## What to do
    /// Fix the path, or add the file.
    C005, "missing-file", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let model = facts.model.and_then(Result::err).map(|e| (e, "model.path"));
    let samples = facts.samples.and_then(Result::err).map(|e| (e, "calibration.data"));
    let constants = facts.constants.map(|e| (e, "board.constants"));
    for (error, key) in model.into_iter().chain(samples).chain(constants).filter(|(e, _)| e.kind() == Kind::Missing) {
        let mut finding = Finding::new(&RULE, place::of_error(facts.project, error, key), place::sentence(error));
        finding.help = error.help().map(str::to_string);
        finding.fixes.extend(place::meant(facts.project, error));
        findings.push(finding);
    }
}
