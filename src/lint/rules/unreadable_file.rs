//! C009

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Safety};
use crate::project::ProblemKind;

use super::problems;

rule! {
    /// ## What it does
    /// Reports configurations that cannot be read: no permission, not UTF-8, larger than 4 MiB, or changed while they are
    /// read; and folders that a search cannot enter.
    ///
    /// ## Why is this bad?
    /// The project, or every project in the folder, is not checked. All others are.
    ///
    /// ## Example
    /// ```text
    /// byte 17 is not UTF-8
    /// ```
    ///
    /// ## What to do
    /// Save the file as UTF-8, which PowerShell's `>` does not, or make it readable. A file that is no configuration needs
    /// another name than `espq.toml` or `*.espq.toml`.
    C009, "unreadable-file", Error, Text
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    problems::of_kind(&RULE, ProblemKind::Unreadable, Safety::Unsafe, facts, findings);
}
