//! C002

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Safety};
use crate::project::ProblemKind;

use super::problems;

rule! {
    /// ## What it does
    /// Reports tables and keys that espq does not know.
    ///
    /// ## Why is this bad?
    /// A misspelt key would be as good as none: the default would be in force, and nobody would notice.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib/*.npy"
    /// metod = "minmax"
    /// ```
    ///
    /// ## What to do
    /// Write the key that was meant (`method` here), or take the line out.
    C002, "unknown-key", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    // Safe: as it is written the project has no results that could change.
    problems::of_kind(&RULE, ProblemKind::UnknownKey, Safety::Safe, facts, findings);
}
