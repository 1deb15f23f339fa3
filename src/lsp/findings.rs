//! Findings of a document, by the depth of the lint that found them.

use crate::engine::LintDepth;
use crate::lint::{self, Finding};

use super::stale_findings::shifted;

/// Findings of the current text; at depths that have not been linted yet, those of the previous text.
#[derive(Clone, Default)]
pub struct Findings {
    /// Depth to which the current text has been linted.
    depth: Option<LintDepth>,
    text: Vec<Finding>,
    /// Findings in the model and the samples.
    files: Vec<Finding>,
    measured: Vec<Finding>,
}

impl Findings {
    /// Stores the findings of the current text at all depths down to `depth`.
    pub fn apply_result(&mut self, depth: LintDepth, findings: Vec<Finding>) {
        self.depth = Some(depth);
        let place = match depth {
            LintDepth::Text => &mut self.text,
            LintDepth::Static => &mut self.files,
            LintDepth::Measured | LintDepth::Proved | LintDepth::Fixes | LintDepth::Search => &mut self.measured,
        };
        *place = findings;
        // Each finding is kept once, at the depth that found it first.
        remove(&mut self.files, &self.text);
        remove(&mut self.measured, &self.text);
        remove(&mut self.measured, &self.files);
    }

    /// Keeps the findings for a new text until it has been linted.
    pub fn edit(&mut self, old: &str, new: &str) {
        for findings in [&mut self.text, &mut self.files, &mut self.measured] {
            *findings = shifted(findings, old, new);
        }
        self.outdate();
    }

    /// Keeps the findings after files have changed, until the text has been linted again.
    pub fn outdate(&mut self) {
        self.depth = None;
    }

    /// Returns `true` if the current text has been linted to a depth.
    pub fn are_of(&self, depth: LintDepth) -> bool {
        self.depth >= Some(depth)
    }

    /// Findings that need no measurement.
    pub fn of_files(&self) -> Vec<Finding> {
        sorted([&self.text[..], &self.files].concat())
    }

    pub fn measured(&self) -> &[Finding] {
        &self.measured
    }

    pub fn all(&self) -> Vec<Finding> {
        sorted([&self.text[..], &self.files, &self.measured].concat())
    }
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    lint::sort(&mut findings);
    findings
}

fn remove(findings: &mut Vec<Finding>, known: &[Finding]) {
    let is_same = |a: &Finding, b: &Finding| (&a.code, &a.span, &a.message) == (&b.code, &b.span, &b.message);
    findings.retain(|finding| !known.iter().any(|known| is_same(finding, known)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::RULES;

    fn found(text: &str, words: &[&str]) -> Vec<Finding> {
        let finding = |word: &&str| text.find(word).map(|at| Finding::new(RULES[0], at..at + word.len(), *word));
        words.iter().filter_map(finding).collect()
    }

    fn messages(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|f| f.message.as_str()).collect()
    }

    #[test]
    fn each_finding_is_kept_at_the_depth_that_finds_it() {
        let (text, mut findings) = ("a b c", Findings::default());
        findings.apply_result(LintDepth::Text, found(text, &["c"]));
        findings.apply_result(LintDepth::Static, found(text, &["b", "c"]));
        findings.apply_result(LintDepth::Measured, found(text, &["a", "b", "c"]));
        assert_eq!(messages(&findings.of_files()), ["b", "c"]);
        assert_eq!(messages(findings.measured()), ["a"]);
        assert_eq!(messages(&findings.all()), ["a", "b", "c"]);
    }

    #[test]
    fn older_findings_stay_until_their_depth_is_reached_again() {
        let (old, new) = ("a\nb\nc\n", "a\nb\nd\n");
        let mut findings = Findings::default();
        findings.apply_result(LintDepth::Text, found(old, &["c"]));
        findings.apply_result(LintDepth::Static, found(old, &["b", "c"]));
        findings.apply_result(LintDepth::Fixes, found(old, &["a", "b", "c"]));
        findings.edit(old, new);
        assert!(!findings.are_of(LintDepth::Text));
        findings.apply_result(LintDepth::Text, found(new, &["d"]));
        assert_eq!(messages(&findings.all()), ["a", "b", "d"]);
        findings.apply_result(LintDepth::Static, found(new, &["d"]));
        assert_eq!(messages(&findings.all()), ["a", "d"]);
        findings.apply_result(LintDepth::Measured, found(new, &["d"]));
        assert_eq!(messages(&findings.all()), ["d"]);
    }
}
