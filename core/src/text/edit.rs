//! Edits of a text.

use std::ops::Range;

use crate::order;
use serde::{Deserialize, Serialize};

/// Range of bytes in a text.
pub type Span = Range<usize>;

/// Replacement of a span by another text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Bytes to replace; empty for an insertion.
    pub span: Span,
    /// Text that takes their place; empty for a deletion.
    pub text: String,
}

/// Returns the text with all edits applied. Their spans must not overlap; an edit with a span outside of the text is
/// skipped.
pub fn apply<'e>(text: &str, edits: impl IntoIterator<Item = &'e Edit>) -> String {
    let mut edits: Vec<&Edit> = edits.into_iter().collect();
    order::sort_by_key(&mut edits, |edit| (edit.span.start, edit.span.end));
    let mut edited = String::with_capacity(text.len());
    let mut end = 0;
    for edit in edits {
        if let (Some(before), Some(_)) = (text.get(end..edit.span.start), text.get(edit.span.clone())) {
            edited.push_str(before);
            edited.push_str(&edit.text);
            end = edit.span.end;
        }
    }
    edited.push_str(text.get(end..).unwrap_or_default());
    edited
}

/// Returns the smallest edit that turns `old` into `new`; `None` where they are equal.
pub fn difference(old: &str, new: &str) -> Option<Edit> {
    if old == new {
        return None;
    }
    let is_equal = |(a, b): &(char, char)| a == b;
    let start: usize = old.chars().zip(new.chars()).take_while(is_equal).map(|(c, _)| c.len_utf8()).sum();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end: usize =
        old_rest.chars().rev().zip(new_rest.chars().rev()).take_while(is_equal).map(|(c, _)| c.len_utf8()).sum();
    Some(Edit { span: start..old.len() - end, text: new_rest[..new_rest.len() - end].to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(span: Span, text: &str) -> Edit {
        Edit { span, text: text.to_string() }
    }

    #[test]
    fn edits_are_made_in_the_order_of_the_text() {
        assert_eq!(apply("a.c", &[edit(2..3, "C"), edit(0..1, "A")]), "A.C");
        assert_eq!(apply("ab", &[edit(1..1, "-")]), "a-b");
    }

    #[test]
    fn an_edit_outside_of_the_text_is_left_out() {
        assert_eq!(apply("abc", &[edit(2..9, "x"), edit(0..1, "A")]), "Abc");
        assert_eq!(apply("\u{e4}", &[edit(1..2, "x")]), "\u{e4}", "inside a character");
    }

    proptest::proptest! {
        #[test]
        fn the_difference_of_two_texts_makes_one_of_the_other(old in "[ab\u{e4}\n]{0,8}", new in "[ab\u{e4}\n]{0,8}") {
            proptest::prop_assert_eq!(apply(&old, &difference(&old, &new)), new);
        }
    }
}
