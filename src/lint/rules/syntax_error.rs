//! C001

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Safety};
use crate::project::ProblemKind;

use super::problems;

rule! {
    /// ## What it does
    /// Reports every place where the configuration is not TOML.
    ///
    /// ## Why is this bad?
    /// What stands on a broken line is not known, so nothing can be measured until it is mended.
    ///
    /// ## Example
    /// ```toml
    /// [model]
    /// target = esp32p4
    /// ```
    ///
    /// ## What to do
    /// Texts and names of layers stand in quotes, numbers do not:
    /// ```toml
    /// [model]
    /// target = "esp32p4"
    /// ```
    C001, "syntax-error", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    problems::of_kind(&RULE, ProblemKind::Syntax, Safety::Safe, facts, findings);
}
