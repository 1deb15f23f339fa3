//! Text that can be shown: control characters are escaped.

use std::borrow::Cow;

/// Returns a text on one line without control characters: `\n`, `\t`, `\u{1b}`. Names in models and configurations are
/// not trusted: written as they are, they could move a terminal's cursor or hide text.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_hidden(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Returns a text without control characters except for its line ends.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c != '\n' && is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(visible).collect::<Vec<_>>().join("\n"))
}

/// Returns a JSON text with hidden characters as escapes. JSON has them in strings only, and its own line ends stay.
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        match c != '\n' && is_hidden(c) {
            // All of them have four digits.
            true => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => shown.push(c),
        }
    }
    shown
}

/// Returns `true` for control characters, line separators, and marks that reverse or hide the text after them.
pub fn is_hidden(c: char) -> bool {
    let is_mark = matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
    c.is_control() || is_mark || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_others_kept() {
        assert!(matches!(visible("/conv/Relu \u{e4} \u{4f60}"), Cow::Borrowed(_)));
        assert_eq!(visible("a\nb\t\u{1b}[2J\u{202e}\u{7f}"), r"a\nb\t\u{1b}[2J\u{202e}\u{7f}");
        assert_eq!(visible_json("{\n\"a\": \"\u{202e}\u{7f}\"}"), "{\n\"a\": \"\\u202e\\u007f\"}");
        assert_eq!(visible_lines("a\nb\u{1b}\r\n"), "a\nb\\u{1b}\\r\n");
    }
}
