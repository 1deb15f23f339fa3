//! Measured findings of a text that has been edited since: shown until newer ones come, at the place where
//! their line stands now.

use crate::lint::Finding;
use crate::text::Span;

/// The findings that an edit from `old` to `new` leaves standing, without their fixes: those were for the old text.
///
/// What stood in the changed lines is gone.
pub fn carry(findings: &[Finding], old: &str, new: &str) -> Vec<Finding> {
    let Some(edit) = Changed::between(old, new) else { return findings.to_vec() };
    let moved = findings.iter().filter_map(|finding| {
        let mut finding = finding.clone();
        finding.span = edit.moved(&finding.span)?;
        finding.fixes.clear();
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

/// One stretch of whole lines that another has taken the place of.
struct Changed {
    old: Span,
    /// Where the old stretch ended, counted from the end of the text.
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
        // To the beginning of its line.
        let start = a[..prefix].iter().rposition(|&c| c == b'\n').map_or(0, |at| at + 1);
        let reversed = |bytes: &[u8]| bytes[start..].iter().rev().copied().collect::<Vec<u8>>();
        let suffix = same(&reversed(a), &reversed(b));
        // From the beginning of a line in both: a partly equal one is changed.
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

    /// What the places of `words` in `old` show in `new`, the word itself where they are right.
    fn carried<'a>(old: &str, new: &'a str, words: &[&str]) -> Vec<&'a str> {
        let findings: Vec<Finding> = words
            .iter()
            .map(|word| old.find(word).map(|at| Finding::new(RULES[0], at..at + word.len(), *word)).unwrap())
            .collect();
        carry(&findings, old, new).iter().map(|f| &new[f.span.clone()]).collect()
    }

    #[test]
    fn what_stands_before_and_behind_an_edit_stays_with_its_words() {
        assert_eq!(carried("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 23456\nc = 3\n", &["a", "c"]), ["a", "c"]);
        assert_eq!(carried("a = 1\nb = 2\n", "# new\na = 1\nb = 2\n", &["a", "b"]), ["a", "b"]);
        assert_eq!(carried("a = 1\nb = 2\n", "a = 1\nb = 2\nc = 3\n", &["a", "b"]), ["a", "b"]);
        assert_eq!(carried("a = 1\nb = 2\nc = 3", "a = 1\nc = 3", &["a", "c"]), ["a", "c"]);
    }

    #[test]
    fn what_stood_in_a_changed_line_goes() {
        assert_eq!(carried("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 4\nc = 3\n", &["b"]), Vec::<&str>::new());
        assert_eq!(carried("a = 1\nb = 2\n", "a = 1\n", &["a", "b"]), ["a"]);
        assert_eq!(carried("a = 1\nb = 2\n", "# a = 1\nb = 2\n", &["a", "b"]), ["b"]);
        assert_eq!(carried("a = 1\n", "a = 1", &["a"]), Vec::<&str>::new());
    }

    proptest::proptest! {
        /// Texts of few letters and many lines: a carried finding stands on its own word in the new text.
        #[test]
        fn places_are_always_inside_the_new_text(old in "[ab\n]{0,12}", new in "[ab\n]{0,12}", at in 0usize..12) {
            let at = at.min(old.len());
            let finding = Finding::new(RULES[0], at..old.len().min(at + 1), "");
            for carried in carry(&[finding], &old, &new) {
                proptest::prop_assert_eq!(new.get(carried.span), old.get(at..old.len().min(at + 1)));
            }
        }
    }
}
