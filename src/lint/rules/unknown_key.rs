//! C002

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Safety};
use crate::project::ProblemKind;

use super::problems;

rule! {
    /// ## What it does
    /// Reports unknown tables and keys.
    ///
    /// ## Why is this bad?
    /// A misspelt key would have no effect: the default would silently apply.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib/*.npy"
    /// metod = "minmax"
    /// ```
    ///
    /// ## What to do
    /// Correct the key (`method` here), or remove the line.
    C002, "unknown-key", Error, Text
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    // Safe, since a project with an unknown key has no results that could change.
    problems::of_kind(&RULE, ProblemKind::UnknownKey, Safety::Safe, facts, findings);
}
