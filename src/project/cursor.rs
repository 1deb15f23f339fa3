//! Element at one byte of a configuration, including incomplete lines.
//!
//! It works line by line, since text is rarely valid TOML while it is typed.

use crate::text::Span;

/// Element of the configuration under a cursor; spans are bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A `[header]`: the text between the brackets.
    Header {
        /// Text between the brackets, with its dots.
        name: Span,
    },
    /// A key, dotted or in quotes, of the table with this dotted name.
    Key {
        /// Dotted name of the innermost header above; empty at the top of the text.
        table: String,
        /// Typed part of the key; empty on a blank line.
        key: Span,
    },
    /// The value of a key, from its first to its last character, including quotes.
    Value {
        /// Dotted name of the table, with the leading parts of a dotted key.
        table: String,
        /// Last part of the key, without quotes.
        key: String,
        /// Typed part of the value; empty if there is none yet.
        value: Span,
    },
    /// A comment, or a place without an element.
    Nothing,
}

/// Finds the element at a byte of the text.
pub fn at(text: &str, byte: usize) -> Place {
    let byte = text.floor_char_boundary(byte);
    let start = text[..byte].rfind('\n').map_or(0, |at| at + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |at| byte + at);
    let line = Line { text: text[start..end].trim_end_matches('\r'), start };
    let here = (byte - start).min(line.text.len());
    let parts = line.parts();
    if parts.comment.is_some_and(|comment| here > comment) {
        return Place::Nothing;
    }
    if let Some(header) = line.header() {
        return if header.contains(&byte) || header.end == byte {
            Place::Header { name: header }
        } else {
            Place::Nothing
        };
    }
    let table = table_above(&text[..start]);
    match parts.equals {
        Some(equals) if here > equals => {
            let (table, key) = split(&table, &line.text[..equals]);
            Place::Value { table, key, value: line.value(Some(equals), &parts, here) }
        }
        _ if let Some(key) = open_list(&text[..start]).filter(|_| parts.equals.is_none()) => {
            let (table, key) = split(&table, key);
            Place::Value { table, key, value: line.value(None, &parts, here) }
        }
        _ => {
            let key = trimmed(line.text, 0..parts.equals.or(parts.comment).unwrap_or(line.text.len()));
            // On blank lines and in the space before or after the typed text, a key begins at the cursor.
            let key = if here < key.start || here > key.end { here..here } else { key };
            Place::Key { table, key: key.start + start..key.end + start }
        }
    }
}

/// Returns the dotted name of the innermost header above, `a.b`.
fn table_above(text: &str) -> String {
    let headers =
        text.lines().rev().filter_map(|line| Line { text: line, start: 0 }.header().map(|h| line[h].to_string()));
    headers.map(|name| name.trim().to_string()).next().unwrap_or_default()
}

/// Returns the key of a list that has begun above and is not closed yet.
fn open_list(text: &str) -> Option<&str> {
    let mut open = 0;
    for line in text.lines().rev() {
        let line = Line { text: line, start: 0 };
        let parts = line.parts();
        let end = parts.comment.unwrap_or(line.text.len());
        let from = parts.equals.map_or(0, |equals| equals + 1);
        let is_quoted = |at: usize| parts.quoted.iter().any(|quoted| quoted.contains(&at));
        for (at, c) in line.text[from..end].char_indices().filter(|(at, _)| !is_quoted(from + at)) {
            // A bracket at the beginning of a line without a key is a table's header.
            match c {
                '[' if parts.equals.is_none() && line.text[..at].trim().is_empty() => return None,
                '[' => open += 1,
                ']' => open -= 1,
                _ => {}
            }
        }
        if let Some(equals) = parts.equals {
            return (open > 0).then(|| line.text[..equals].trim());
        }
    }
    None
}

/// Splits a key, which may be dotted, into its table and its last part.
fn split(table: &str, key: &str) -> (String, String) {
    let key = key.trim();
    let bare = !key.starts_with(['"', '\'']);
    match key.rsplit_once('.').filter(|_| bare) {
        Some((path, last)) if table.is_empty() => (path.trim().to_string(), last.trim().to_string()),
        Some((path, last)) => (format!("{table}.{}", path.trim()), last.trim().to_string()),
        None => (table.to_string(), unquoted(key).to_string()),
    }
}

/// Removes the quotes around a key or a value, even if the closing one is missing.
pub fn unquoted(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.strip_suffix(quote).unwrap_or(inner);
        }
    }
    text
}

pub(super) struct Line<'a> {
    pub text: &'a str,
    /// Position in the whole text.
    pub start: usize,
}

/// Parts of a line outside of quotes.
#[derive(Default)]
pub(super) struct Parts {
    pub equals: Option<usize>,
    pub comment: Option<usize>,
    /// Quoted parts, including the quotes; the last one may be unterminated.
    pub quoted: Vec<Span>,
}

impl Line<'_> {
    pub fn parts(&self) -> Parts {
        let mut parts = Parts::default();
        let mut open: Option<(usize, char)> = None;
        let mut escaped = false;
        for (at, c) in self.text.char_indices() {
            match (open, c) {
                (Some(_), _) if escaped => escaped = false,
                (Some((_, '"')), '\\') => escaped = true,
                (Some((from, quote)), c) if c == quote => {
                    parts.quoted.push(from..at + 1);
                    open = None;
                }
                (Some(_), _) => {}
                (None, '"' | '\'') => open = Some((at, c)),
                (None, '=') if parts.equals.is_none() => parts.equals = Some(at),
                (None, '#') => {
                    parts.comment = Some(at);
                    break;
                }
                _ => {}
            }
        }
        if let Some((from, _)) = open {
            parts.quoted.push(from..self.text.len());
        }
        parts
    }

    /// Returns the span between the brackets in the whole text.
    pub fn header(&self) -> Option<Span> {
        let open = self.text.find(|c: char| !c.is_whitespace())?;
        let inner = self.text[open..].strip_prefix('[')?;
        let from = open + 1;
        let to = from + inner.find(']').or_else(|| inner.find('#')).unwrap_or(inner.trim_end().len());
        Some(self.start + from..self.start + to)
    }

    /// Returns the span of the quoted text or the word at the cursor in the whole text.
    fn value(&self, equals: Option<usize>, parts: &Parts, here: usize) -> Span {
        let is_after = |at: usize| equals.is_none_or(|equals| at > equals);
        let quoted = parts.quoted.iter().find(|q| is_after(q.start) && q.start <= here && here <= q.end).cloned();
        let end = parts.comment.unwrap_or(self.text.len());
        let value = quoted.unwrap_or_else(|| {
            let is_word = |c: char| c.is_alphanumeric() || "-_.+%".contains(c);
            let from = self.text[..here].char_indices().rev().take_while(|(at, c)| is_after(*at) && is_word(*c)).last();
            let from = from.map_or(here, |(at, _)| at);
            let length: usize =
                self.text[here..end.max(here)].chars().take_while(|c| is_word(*c)).map(char::len_utf8).sum();
            from..here + length
        });
        self.start + value.start..self.start + value.end
    }
}

fn trimmed(text: &str, span: Span) -> Span {
    let inner = &text[span.clone()];
    let start = span.start + inner.len() - inner.trim_start().len();
    start..(start + inner.trim().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Describes the element at the mark `|`.
    fn place(marked: &str) -> String {
        let byte = marked.find('|').unwrap();
        let text = marked.replace('|', "");
        match at(&text, byte) {
            Place::Header { name } => format!("header {:?}", &text[name]),
            Place::Key { table, key } => format!("key {:?} of {table:?}", &text[key]),
            Place::Value { table, key, value } => format!("value {:?} of {table:?}.{key:?}", &text[value]),
            Place::Nothing => "nothing".to_string(),
        }
    }

    #[test]
    fn elements_of_complete_lines_are_found() {
        assert_eq!(place("[mo|del]\n"), "header \"model\"");
        assert_eq!(place("[model]\npa|th = \"a.onnx\"\n"), "key \"path\" of \"model\"");
        assert_eq!(place("[model]\npath = \"a|.onnx\" # x"), "value \"\\\"a.onnx\\\"\" of \"model\".\"path\"");
        assert_eq!(place("[analysis]\nsamples = 1|2\n"), "value \"12\" of \"analysis\".\"samples\"");
        assert_eq!(place("[precision]\n\"/a/Co|nv\" = \"int16\"\n"), "key \"\\\"/a/Conv\\\"\" of \"precision\"");
        assert_eq!(place("[lint]\nselect = [\"C\", \"D0|\"]"), "value \"\\\"D0\\\"\" of \"lint\".\"select\"");
    }

    #[test]
    fn elements_of_incomplete_lines_are_found() {
        assert_eq!(place("[mod|"), "header \"mod\"");
        assert_eq!(place("|"), "key \"\" of \"\"");
        assert_eq!(place("[model]\nta|"), "key \"ta\" of \"model\"");
        assert_eq!(place("[model]\ntarget = |"), "value \"\" of \"model\".\"target\"");
        assert_eq!(place("[model]\ntarget = \"esp|"), "value \"\\\"esp\" of \"model\".\"target\"");
        assert_eq!(place("[precision]\n\"/fe|"), "key \"\\\"/fe\" of \"precision\"");
    }

    #[test]
    fn dotted_keys_and_comments() {
        assert_eq!(place("[calibration]\nimage.size = [1|]"), "value \"1\" of \"calibration.image\".\"size\"");
        assert_eq!(place("model.target = |"), "value \"\" of \"model\".\"target\"");
        assert_eq!(place("[model] # the mo|del"), "nothing");
        assert_eq!(place("a = 1 # b = |"), "nothing");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]\"'=#.a\\n\\r\u{e4}\\\\ ]{0,24}", byte in 0usize..40) {
            let byte = byte.min(text.len());
            if let Place::Header { name: s } | Place::Key { key: s, .. } | Place::Value { value: s, .. } = at(&text, byte) {
                proptest::prop_assert!(text.get(s).is_some());
            }
        }
    }
}
