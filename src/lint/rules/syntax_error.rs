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
    /// A broken line cannot be read, so nothing is measured until it is fixed.
    ///
    /// ## Example
    /// ```toml
    /// [model]
    /// target = esp32p4
    /// ```
    ///
    /// ## What to do
    /// Put strings and layer names in quotes, numbers not:
    /// ```toml
    /// [model]
    /// target = "esp32p4"
    /// ```
    C001, "syntax-error", Error, Text
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    problems::of_kind(&RULE, ProblemKind::Syntax, Safety::Safe, facts, findings);
}
