//! Findings of a text that has been edited since: kept with shifted spans until newer ones arrive.

use crate::lint::Finding;
use crate::text::Span;

/// Returns the findings of `old` with spans in `new`, and without fixes, which are edits of the old text. Findings on
/// changed lines are dropped.
pub fn shifted(findings: &[Finding], old: &str, new: &str) -> Vec<Finding> {
    let Some(edit) = Changed::between(old, new) else { return findings.to_vec() };
    let moved = findings.iter().filter_map(|finding| {
        let mut finding = finding.clone();
        finding.span = edit.moved(&finding.span)?;
        finding.drop_fixes();
        finding.related.retain_mut(|related| match &related.span {
            None => true,
            Some(span) => {
                let moved = edit.moved(span);
                related.span.clone_from(&moved);
                moved.is_some()
            }
        });
        Some(finding)
    });
    moved.collect()
}

/// Complete lines of a text that an edit has replaced.
struct Changed {
    old: Span,
    /// End of their replacement, in the new text.
    new_end: usize,
}

impl Changed {
    fn between(old: &str, new: &str) -> Option<Changed> {
        if old == new {
            return None;
        }
        let same = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let (a, b) = (old.as_bytes(), new.as_bytes());
        let prefix = same(a, b);
        // Start of its line.
        let start = a[..prefix].iter().rposition(|&c| c == b'\n').map_or(0, |at| at + 1);
        let reversed = |bytes: &[u8]| bytes[start..].iter().rev().copied().collect::<Vec<u8>>();
        let suffix = same(&reversed(a), &reversed(b));
        // Start of a line in both texts: a partially equal line counts as changed.
        let end = a.len() - suffix;
        let whole = |text: &[u8], at: usize| at == start || text[at - 1] == b'\n';
        let end = if whole(a, end) && whole(b, b.len() - suffix) {
            end
        } else {
            a[end..].iter().position(|&c| c == b'\n').map_or(a.len(), |at| end + at + 1)
        };
        Some(Changed { old: start..end, new_end: b.len() - (a.len() - end) })
    }

    fn moved(&self, span: &Span) -> Option<Span> {
        if span.end <= self.old.start && (span.start < self.old.start || span.is_empty()) {
            return Some(span.clone());
        }
        let shift = |at: usize| at - self.old.end + self.new_end;
        (span.start >= self.old.end).then(|| shift(span.start)..shift(span.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::RULES;

    /// Returns the text in `new` at the shifted spans of `words` in `old`: the words themselves if the spans are right.
    fn words_at<'a>(old: &str, new: &'a str, words: &[&str]) -> Vec<&'a str> {
        let findings: Vec<Finding> = words
            .iter()
            .map(|word| old.find(word).map(|at| Finding::new(RULES[0], at..at + word.len(), *word)).unwrap())
            .collect();
        shifted(&findings, old, new).iter().map(|f| &new[f.span.clone()]).collect()
    }

    #[test]
    fn findings_before_and_after_an_edit_stay_at_their_words() {
        assert_eq!(words_at("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 23456\nc = 3\n", &["a", "c"]), ["a", "c"]);
        assert_eq!(words_at("a = 1\nb = 2\n", "# new\na = 1\nb = 2\n", &["a", "b"]), ["a", "b"]);
        assert_eq!(words_at("a = 1\nb = 2\n", "a = 1\nb = 2\nc = 3\n", &["a", "b"]), ["a", "b"]);
        assert_eq!(words_at("a = 1\nb = 2\nc = 3", "a = 1\nc = 3", &["a", "c"]), ["a", "c"]);
    }

    #[test]
    fn findings_on_changed_lines_are_dropped() {
        assert_eq!(words_at("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 4\nc = 3\n", &["b"]), Vec::<&str>::new());
        assert_eq!(words_at("a = 1\nb = 2\n", "a = 1\n", &["a", "b"]), ["a"]);
        assert_eq!(words_at("a = 1\nb = 2\n", "# a = 1\nb = 2\n", &["a", "b"]), ["b"]);
        assert_eq!(words_at("a = 1\n", "a = 1", &["a"]), Vec::<&str>::new());
    }

    proptest::proptest! {
        /// Generated texts of few letters and many lines.
        #[test]
        fn a_shifted_span_holds_the_same_text(old in "[ab\n]{0,12}", new in "[ab\n]{0,12}", at in 0usize..12) {
            let at = at.min(old.len());
            let finding = Finding::new(RULES[0], at..old.len().min(at + 1), "");
            for shifted in shifted(&[finding], &old, &new) {
                proptest::prop_assert_eq!(new.get(shifted.span), old.get(at..old.len().min(at + 1)));
            }
        }
    }
}
