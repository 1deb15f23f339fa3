//! Findings of a document, by the depth of the lint that found them.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use crate::engine::LintDepth;
use crate::lint::{self, Finding};

use super::stale_findings::shifted;

/// Findings of the current text; at depths that have not been linted yet, those of the previous text.
#[derive(Clone, Default)]
pub struct Findings {
    /// Depth to which the current text has been linted.
    depth: Option<LintDepth>,
    /// Findings by the depth that found them first.
    by_depth: BTreeMap<LintDepth, Vec<Finding>>,
}

impl Findings {
    /// Stores the findings of the current text at all depths down to `depth`. Those of the file for the chip stay until it is
    /// finished again; figures of fixes are older than the figures that have just come.
    pub fn apply_result(&mut self, depth: LintDepth, mut found: Vec<Finding>) {
        self.depth = Some(depth);
        for earlier in self.by_depth.range_mut(..depth).map(|(_, findings)| findings) {
            // One that is found again may have got a fix.
            *earlier =
                earlier.iter().filter_map(|known| found.iter().find(|new| is_same(known, new)).cloned()).collect();
            remove(&mut found, earlier);
        }
        for (later, findings) in self.by_depth.range_mut(depth..) {
            if depth >= LintDepth::Measured && *later > LintDepth::Proved {
                findings.clear();
            }
            remove(findings, &found);
        }
        self.by_depth.insert(depth, found);
    }

    /// Keeps the findings for a new text until it has been linted.
    pub fn edit(&mut self, old: &str, new: &str) {
        for findings in self.by_depth.values_mut() {
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
        self.at(..=LintDepth::Static)
    }

    /// Findings of a measurement.
    pub fn measured(&self) -> Vec<Finding> {
        self.at(LintDepth::Measured..)
    }

    /// All findings.
    pub fn all(&self) -> Vec<Finding> {
        self.at(..)
    }

    fn at(&self, depths: impl RangeBounds<LintDepth>) -> Vec<Finding> {
        sorted(self.by_depth.range(depths).flat_map(|(_, findings)| findings).cloned().collect())
    }
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    lint::sort(&mut findings);
    findings
}

fn remove(findings: &mut Vec<Finding>, known: &[Finding]) {
    findings.retain(|finding| !known.iter().any(|known| is_same(finding, known)));
}

fn is_same(a: &Finding, b: &Finding) -> bool {
    (&a.code, &a.span, &a.message) == (&b.code, &b.span, &b.message)
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
        assert_eq!(messages(&findings.measured()), ["a"]);
        assert_eq!(messages(&findings.all()), ["a", "b", "c"]);
    }

    #[test]
    fn older_findings_stay_until_their_depth_is_reached_again() {
        let (old, new) = ("a\nb\nc\n", "a\nb\nd\n");
        let mut findings = Findings::default();
        findings.apply_result(LintDepth::Text, found(old, &["c"]));
        findings.apply_result(LintDepth::Static, found(old, &["b", "c"]));
        findings.apply_result(LintDepth::Proved, found(old, &["a", "b", "c"]));
        findings.edit(old, new);
        assert!(!findings.are_of(LintDepth::Text));
        findings.apply_result(LintDepth::Text, found(new, &["d"]));
        assert_eq!(messages(&findings.all()), ["a", "b", "d"]);
        findings.apply_result(LintDepth::Static, found(new, &["d"]));
        assert_eq!(messages(&findings.all()), ["a", "d"]);
        findings.apply_result(LintDepth::Measured, found(new, &["d"]));
        // It may be about the file, which is finished later.
        assert_eq!(messages(&findings.all()), ["a", "d"]);
        findings.apply_result(LintDepth::Proved, found(new, &["d"]));
        assert_eq!(messages(&findings.all()), ["d"]);
    }

    #[test]
    fn figures_of_fixes_end_with_newer_figures() {
        let (text, mut findings) = ("a b", Findings::default());
        findings.apply_result(LintDepth::Fixes, found(text, &["a"]));
        findings.outdate();
        findings.apply_result(LintDepth::Static, Vec::new());
        assert_eq!(messages(&findings.all()), ["a"]);
        findings.apply_result(LintDepth::Measured, Vec::new());
        assert_eq!(messages(&findings.all()), Vec::<&str>::new());
    }

    #[test]
    fn a_finding_that_is_found_again_gets_its_fix() {
        let (text, mut findings) = ("a b", Findings::default());
        findings.apply_result(LintDepth::Measured, found(text, &["a", "b"]));
        let mut deeper = found(text, &["b"]);
        deeper[0].help = Some("fixed".to_string());
        findings.apply_result(LintDepth::Fixes, deeper);
        let all = findings.all();
        assert_eq!((messages(&all), all[0].help.as_deref()), (vec!["b"], Some("fixed")));
    }
}
