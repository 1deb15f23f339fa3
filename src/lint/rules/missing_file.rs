//! C005

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports that the model's file, or the files of samples, are not there.
    ///
    /// ## Why is this bad?
    /// Nothing can be measured. Paths are relative to the folder of the configuration, so a file that was moved, or
    /// never added to the repository, is found missing on another desk first.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib/*.npy"    # the folder is called calibration
    /// ```
    ///
    /// ## What to do
    /// Mend the path, or put the file there.
    C005, "missing-file", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let model = facts.model.and_then(Result::err).map(|e| (e, "model.path"));
    let samples = facts.samples.and_then(Result::err).map(|e| (e, "calibration.data"));
    for (error, key) in model.into_iter().chain(samples).filter(|(e, _)| e.kind() == Kind::Missing) {
        let mut finding = Finding::new(&RULE, place::of_error(facts.project, error, key), place::sentence(error));
        finding.help = error.help().map(str::to_string);
        findings.push(finding);
    }
}
