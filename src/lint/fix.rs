//! Application of fixes to a text.

use crate::text::{self, Edit, Span};

use super::{Finding, Fix, Safety};

/// Text with fixes applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Whole text after the edits.
    pub text: String,
    /// Places of the findings whose fixes were applied.
    pub findings: Vec<usize>,
}

/// Applies the first allowed fix of each finding, unless it overlaps an earlier one, and one with a measured effect: another effect was
/// measured without it. The others are left for the next round.
pub fn apply(text: &str, findings: &[Finding], allowed: Safety) -> Applied {
    let mut edits: Vec<&Edit> = Vec::new();
    let mut applied = Vec::new();
    let mut has_measured = false;
    for (index, finding) in findings.iter().enumerate() {
        let fix = finding.fix_within(allowed).filter(|fix| !has_measured || !fix.is_measured());
        if let Some(fix) = fix.filter(|f| fits(f, &edits, text)) {
            has_measured |= fix.is_measured();
            // An edit that two findings share is applied once.
            let new: Vec<&Edit> = fix.edits.iter().filter(|e| !edits.contains(e)).collect();
            edits.extend(new);
            applied.push(index);
        }
    }
    Applied { text: text::apply(text, edits), findings: applied }
}

fn fits(fix: &Fix, taken: &[&Edit], text: &str) -> bool {
    fix.edits.iter().all(|edit| {
        let inside = text.get(edit.span.clone()).is_some();
        inside && taken.iter().all(|t| *t == edit || apart(&edit.span, &t.span))
    })
}

/// Returns `true` if two edits do not touch; two insertions at one place do, since their order would be undefined.
fn apart(a: &Span, b: &Span) -> bool {
    a.end < b.start || b.end < a.start
}

/// Returns the whole line of an entry; `None` if there is anything else on it.
pub fn own_line(text: &str, entry: Span) -> Option<Span> {
    let start = text.get(..entry.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(entry.end..)?.find('\n').map_or(text.len(), |at| entry.end + at + 1);
    let is_alone = text[start..entry.start].trim().is_empty() && text[entry.end..end].trim().is_empty();
    is_alone.then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::{FixKind, RULES};

    fn finding(span: Span, text: &str, safety: Safety) -> Finding {
        let edit = Edit { span: span.clone(), text: text.into() };
        Finding::new(RULES[0], span, "").with_fix(Fix {
            title: String::new(),
            kind: FixKind::Spelling,
            safety,
            edits: vec![edit],
        })
    }

    #[test]
    fn safe_fixes_alone_unless_others_are_allowed() {
        let findings = [finding(0..1, "A", Safety::Safe), finding(2..3, "C", Safety::Unsafe)];
        assert_eq!(apply("a.c", &findings, Safety::Safe), Applied { text: "A.c".into(), findings: vec![0] });
        assert_eq!(apply("a.c", &findings, Safety::Unsafe), Applied { text: "A.C".into(), findings: vec![0, 1] });
    }

    #[test]
    fn the_first_of_overlapping_fixes_is_applied_and_a_shared_edit_only_once() {
        let findings = [finding(0..2, "x", Safety::Safe), finding(1..3, "y", Safety::Safe)];
        assert_eq!(apply("abc", &findings, Safety::Safe), Applied { text: "xc".into(), findings: vec![0] });
        let same = [finding(0..1, "x", Safety::Safe), finding(0..1, "x", Safety::Safe)];
        assert_eq!(apply("abc", &same, Safety::Safe), Applied { text: "xbc".into(), findings: vec![0, 1] });
    }

    #[test]
    fn of_measured_fixes_one_is_applied_at_a_time() {
        let measured = |mut finding: Finding| {
            finding.fixes.iter_mut().for_each(|fix| fix.kind = FixKind::Settings);
            finding
        };
        let spelled = finding(4..5, "E", Safety::Safe);
        let findings =
            [measured(finding(0..1, "A", Safety::Safe)), measured(finding(2..3, "C", Safety::Safe)), spelled];
        let applied = apply("a.c.e", &findings, Safety::Safe);
        assert_eq!(applied, Applied { text: "A.c.E".into(), findings: vec![0, 2] });
    }

    #[test]
    fn an_edit_outside_the_text_is_skipped() {
        assert_eq!(apply("abc", &[finding(2..9, "x", Safety::Safe)], Safety::Safe).findings, [0; 0]);
    }
}
