//! C003

use crate::Kind;
use crate::lint::rule::{rule, unknown};
use crate::lint::{Facts, Finding, Safety, place};
use crate::project::ProblemKind;

use super::problems;

rule! {
    /// ## What it does
    /// Reports values of the wrong type, words that are not allowed, and a file of `board.constants` that has none.
    ///
    /// ## Why is this bad?
    /// esp-ppq treats an unknown target as float with a warning, so the chip gets a model that is not quantized. espq
    /// does not guess, and measures nothing.
    ///
    /// ## Example
    /// ```toml
    /// [model]
    /// target = "esp32-p4"
    /// ```
    ///
    /// ## What to do
    /// Write one of the values that the message names: `target = "esp32p4"`.
    C003, "invalid-value", Error, Text
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    problems::of_kind(&RULE, ProblemKind::InvalidValue, Safety::Unsafe, facts, findings);
    if let Some(error) = facts.constants.filter(|error| error.kind() != Kind::Missing) {
        let mut finding =
            Finding::new(&RULE, place::of_error(facts.project, error, "board.constants"), place::sentence(error));
        finding.help = error.help().map(str::to_string);
        findings.push(finding);
    }
    let lint = &facts.project.config.lint;
    for entry in lint.select.iter().chain(&lint.ignore) {
        if let Some(error) = unknown(&entry.value) {
            let mut finding = Finding::new(&RULE, entry.span.clone(), error.what());
            finding.help = error.help().map(str::to_string);
            findings.push(finding);
        }
    }
}
