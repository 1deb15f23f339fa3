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
    let removed: Vec<&Span> = edits.iter().filter(|edit| edit.text.is_empty()).map(|edit| &edit.span).collect();
    let emptied: Vec<Edit> =
        emptied(text, &removed).into_iter().map(|span| Edit { span, text: String::new() }).collect();
    edits.retain(|edit| apart_of_all(&edit.span, &emptied));
    edits.extend(&emptied);
    Applied { text: text::apply(text, edits), findings: applied }
}

fn apart_of_all(span: &Span, others: &[Edit]) -> bool {
    others.iter().all(|other| span.end <= other.span.start || other.span.end <= span.start)
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

/// Returns the tables of which nothing is left without the removed spans, up to the next table: a header alone says nothing.
fn emptied(text: &str, removed: &[&Span]) -> Vec<Span> {
    let is_removed = |line: &Span| removed.iter().any(|span| span.start <= line.start && line.end <= span.end);
    let is_blank = |line: &Span| text[line.clone()].trim().is_empty();
    let lines = lines(text);
    let headers: Vec<usize> = (0..lines.len()).filter(|&at| is_header(&text[lines[at].clone()])).collect();
    let ends = headers.iter().skip(1).copied().chain([lines.len()]);
    let tables = headers.iter().zip(ends).map(|(&header, end)| &lines[header..end]);
    let emptied = tables.filter(|table| match table {
        [header, entries @ ..] => {
            !is_removed(header)
                && entries.iter().any(is_removed)
                && entries.iter().all(|line| is_removed(line) || is_blank(line))
        }
        [] => false,
    });
    emptied.filter_map(|table| Some(table.first()?.start..table.last()?.end)).collect()
}

/// Returns the lines of a text with their ends.
fn lines(text: &str) -> Vec<Span> {
    let mut at = 0;
    let line = |line: &str| {
        at += line.len();
        at - line.len()..at
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Returns `true` for the header of a table, which a comment may follow.
fn is_header(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    line.starts_with('[') && line.ends_with(']')
}

/// Returns the whole line of an entry, with its table if that has no other; `None` if there is anything else on the line.
pub fn own_line(text: &str, entry: Span) -> Option<Span> {
    let start = text.get(..entry.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(entry.end..)?.find('\n').map_or(text.len(), |at| entry.end + at + 1);
    let is_alone = text[start..entry.start].trim().is_empty() && text[entry.end..end].trim().is_empty();
    let line = start..end;
    let table = || emptied(text, &[&line]).into_iter().next().unwrap_or_else(|| line.clone());
    is_alone.then(table)
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
    fn a_table_goes_with_its_last_entry() {
        let text = "[a]\nx = 1\n\n[b]\ny = 1\nz = 2\n\n[c] # mine\nw = 3\n";
        let line = |entry: &str| text.find(entry).map(|at| own_line(text, at..at + entry.len()).unwrap()).unwrap();
        assert_eq!([line("x = 1"), line("y = 1")].map(|span| &text[span]), ["[a]\nx = 1\n\n", "y = 1\n"]);
        let both = [finding(line("y = 1"), "", Safety::Safe), finding(line("z = 2"), "", Safety::Safe)];
        let once = apply(text, &both, Safety::Safe).text;
        // Two edits that touch are made one after the other.
        assert_eq!(once, "[a]\nx = 1\n\n[b]\nz = 2\n\n[c] # mine\nw = 3\n");
        let apart = "[b]\ny = 1\n# why\nz = 2\n";
        let at = apart.find("y = 1").unwrap();
        assert_eq!(&apart[own_line(apart, at..at + 5).unwrap()], "y = 1\n");
        let spaced = "[b]\ny = 1\n\nz = 2\n[c]\n";
        let of = |entry: &str| spaced.find(entry).map(|at| own_line(spaced, at..at + entry.len()).unwrap()).unwrap();
        let both = [finding(of("y = 1"), "", Safety::Safe), finding(of("z = 2"), "", Safety::Safe)];
        assert_eq!(apply(spaced, &both, Safety::Safe).text, "[c]\n");
    }

    #[test]
    fn an_edit_outside_the_text_is_skipped() {
        assert_eq!(apply("abc", &[finding(2..9, "x", Safety::Safe)], Safety::Safe).findings, [0; 0]);
    }
}
