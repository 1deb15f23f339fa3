//! S009

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports labels of `[accuracy]` that cannot be read or do not fit the samples and the network's output: a missing file, samples
    /// without a label, a class that the output does not have.
    ///
    /// ## Why is this bad?
    /// Accuracy counted against the wrong labels says nothing. A shift by one place looks like a broken network.
    ///
    /// ## Example
    /// ```text
    /// labels.csv has no label for test/cat/007.png, and for 12 of 200 samples
    /// ```
    ///
    /// ## What to do
    /// Give one label for each sample, in one of the forms of `accuracy.labels`, and the classes in the order of the network's output:
    /// ```toml
    /// [accuracy]
    /// data = "test"                  # test/cat/001.png, test/dog/001.png, ...
    /// labels = "folders"
    /// classes = ["dog", "cat"]       # where the output has another order than the alphabet
    /// ```
    S009, "invalid-labels", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let error = facts.labels.and_then(Result::err).or(facts.accuracy.and_then(Result::err));
    let Some(error) = error else { return };
    let mut finding =
        Finding::new(&RULE, place::of_error(facts.project, error, "accuracy.labels"), place::sentence(error));
    finding.help = error.help().map(str::to_string);
    findings.push(finding);
}
