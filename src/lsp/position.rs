//! Positions and ranges of a text, in the encoding that client and server agreed on.

use lsp_types::{self as lsp, PositionEncodingKind, Range};
use serde_json::Value;

use crate::text::{Encoding, LineIndex, Position, Span};

/// Returns the client's first choice that the server supports.
pub fn negotiate(offered: &[Value]) -> Encoding {
    offered.iter().filter_map(Value::as_str).find_map(encoding).unwrap_or_default()
}

/// Returns the encoding with this name.
pub fn encoding(name: &str) -> Option<Encoding> {
    [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32].into_iter().find(|&encoding| kind(encoding).as_str() == name)
}

pub fn kind(encoding: Encoding) -> PositionEncodingKind {
    match encoding {
        Encoding::Utf8 => PositionEncodingKind::UTF8,
        Encoding::Utf16 => PositionEncodingKind::UTF16,
        Encoding::Utf32 => PositionEncodingKind::UTF32,
    }
}

/// Text whose bytes have positions.
pub struct Places<'t> {
    text: &'t str,
    lines: LineIndex<'t>,
    pub encoding: Encoding,
}

impl<'t> Places<'t> {
    pub fn new(text: &'t str, encoding: Encoding) -> Places<'t> {
        Places { text, lines: LineIndex::new(text), encoding }
    }

    fn position(&self, byte: usize) -> lsp::Position {
        let Position { line, column } = self.lines.position(byte, self.encoding);
        lsp::Position { line, character: column }
    }

    pub fn byte(&self, position: lsp::Position) -> usize {
        let lsp::Position { line, character } = position;
        self.lines.byte(Position { line, column: character }, self.encoding)
    }

    pub fn range(&self, span: &Span) -> Range {
        Range { start: self.position(span.start), end: self.position(span.end) }
    }

    /// Returns the range of a span, or the range of its line if it is empty: clients do not show empty ranges.
    pub fn visible(&self, span: &Span) -> Range {
        if !span.is_empty() {
            return self.range(span);
        }
        let line = self.lines.line(self.position(span.start).line);
        let words = self.text[line.clone()].trim_start();
        self.range(&(line.end - words.len()..line.start + self.text[line].trim_end().len()))
    }

    pub fn span(&self, range: Range) -> Span {
        let (start, end) = (self.byte(range.start), self.byte(range.end));
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_place_shows_as_its_line() {
        let places = Places::new("  [model]  \nx", Encoding::Utf8);
        let position = lsp::Position::new;
        assert_eq!(places.visible(&(3..3)), Range::new(position(0, 2), position(0, 9)));
        assert_eq!(Places::new("", Encoding::Utf8).visible(&(0..0)), Range::default());
    }

    #[test]
    fn a_range_and_its_span_are_each_others() {
        let text = "a\u{1f600}b\nsecond";
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            let places = Places::new(text, encoding);
            assert_eq!(places.span(places.range(&(1..8))), 1..8);
        }
    }

    #[test]
    fn the_clients_first_supported_choice_is_taken() {
        assert_eq!(negotiate(&["utf-32".into(), "utf-8".into()]), Encoding::Utf32);
        assert_eq!(negotiate(&["utf-7".into()]), Encoding::Utf16);
        assert_eq!(negotiate(&[]), Encoding::Utf16);
    }
}
