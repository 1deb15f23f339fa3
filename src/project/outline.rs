//! Tables and keys of a configuration with their places, including incomplete lines.

use super::cursor::{Line, unquoted};
use crate::text::Span;

/// A `[header]` with the keys below it. Keys above the first header belong to a table without name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Text between the brackets; empty without a header.
    pub name: String,
    /// Place of that text.
    pub header: Span,
    /// Header and keys, to the end of the last line that has either.
    pub span: Span,
    /// Keys in order.
    pub entries: Vec<Entry>,
}

/// A key and the first line of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key without quotes.
    pub name: String,
    /// Place of the key, including quotes.
    pub key: Span,
    /// Place of the value, as far as it is on the key's line.
    pub value: Span,
}

/// Returns the sections of a text in order.
pub fn outline(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut start = 0;
    // Lines of a value that continues: an array, or a table in braces.
    let mut open = 0usize;
    for whole in text.split_inclusive('\n') {
        let line = Line { text: whole.trim_end_matches(['\n', '\r']), start };
        start += whole.len();
        let parts = line.parts();
        let code = &line.text[..parts.comment.unwrap_or(line.text.len())];
        if code.trim().is_empty() {
            continue;
        }
        let end = line.start + code.trim_end().len();
        let continues = open > 0;
        open = (open + depth(code, &parts.quoted, ['[', '{'])).saturating_sub(depth(code, &parts.quoted, [']', '}']));
        if continues {
            sections.last_mut().into_iter().for_each(|section| section.span.end = end);
            continue;
        }
        if let Some(header) = line.header() {
            open = 0;
            let name = text[header.clone()].trim().to_string();
            let span = line.start + (code.len() - code.trim_start().len())..end;
            sections.push(Section { name, header, span, entries: Vec::new() });
            continue;
        }
        let Some(equals) = parts.equals else { continue };
        let key = line.text[..equals].trim();
        let from = line.start + (line.text[..equals].len() - line.text[..equals].trim_start().len());
        let value = code[equals + 1..].trim();
        let at = line.start + equals + 1 + (code[equals + 1..].len() - code[equals + 1..].trim_start().len());
        let entry = Entry { name: unquoted(key).to_string(), key: from..from + key.len(), value: at..at + value.len() };
        if sections.is_empty() {
            sections.push(Section { name: String::new(), header: 0..0, span: from..end, entries: Vec::new() });
        }
        if let Some(section) = sections.last_mut() {
            section.span.end = end;
            section.entries.push(entry);
        }
    }
    sections
}

/// Number of brackets outside of quotes.
fn depth(code: &str, quoted: &[Span], brackets: [char; 2]) -> usize {
    let bare = |(at, c): &(usize, char)| brackets.contains(c) && !quoted.iter().any(|span| span.contains(at));
    code.char_indices().filter(bare).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let entry = |entry: &Entry| format!("{}={}", entry.name, &text[entry.value.clone()]);
        let section = |section: &Section| {
            let entries: Vec<String> = section.entries.iter().map(entry).collect();
            format!("[{}] {} {:?}", section.name, entries.join(" "), &text[section.span.clone()])
        };
        outline(text).iter().map(section).collect()
    }

    #[test]
    fn tables_have_their_keys() {
        let text = "[model] # here\npath = \"a # b.onnx\" # c\n\n[precision]\n\"/a/Conv\" = 'int16'\n# end\n";
        assert_eq!(
            shown(text),
            [
                "[model] path=\"a # b.onnx\" \"[model] # here\\npath = \\\"a # b.onnx\\\"\"",
                "[precision] /a/Conv='int16' \"[precision]\\n\\\"/a/Conv\\\" = 'int16'\"",
            ]
        );
    }

    #[test]
    fn a_value_of_several_lines_is_one_entry() {
        let text = "[calibration]\ndata = [\n  \"a[.npy\",\n  \"b = c\",\n]\nsamples = 3\n";
        assert_eq!(outline(text)[0].entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["data", "samples"]);
    }

    #[test]
    fn lines_that_are_being_typed_are_no_entries() {
        assert_eq!(shown("[mod"), ["[mod]  \"[mod\""]);
        assert_eq!(shown("a.b = 1\nc\n"), ["[] a.b=1 \"a.b = 1\""]);
    }
}
