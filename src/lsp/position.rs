//! Places in a text: bytes here, lines and characters there, in the encoding that was agreed on.

use tower_lsp::lsp_types::{Position, PositionEncodingKind, Range};

use crate::project::Span;

/// What a `character` of a position counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    Utf8,
    /// What every client knows.
    #[default]
    Utf16,
    Utf32,
}

impl Encoding {
    /// The client's first choice that is known here.
    pub fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Encoding {
        offered.unwrap_or_default().iter().find_map(Encoding::of).unwrap_or_default()
    }

    fn of(kind: &PositionEncodingKind) -> Option<Encoding> {
        match kind.as_str() {
            "utf-8" => Some(Encoding::Utf8),
            "utf-16" => Some(Encoding::Utf16),
            "utf-32" => Some(Encoding::Utf32),
            _ => None,
        }
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    fn units(self, c: char) -> usize {
        match self {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
            Encoding::Utf32 => 1,
        }
    }
}

/// A text with its lines found.
pub struct Places<'a> {
    text: &'a str,
    /// First byte of each line.
    starts: Vec<usize>,
    encoding: Encoding,
}

impl<'a> Places<'a> {
    pub fn new(text: &'a str, encoding: Encoding) -> Places<'a> {
        let bytes = text.as_bytes();
        let ends_line = |at: &usize| match bytes[*at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(ends_line).map(|at| at + 1)).collect();
        Places { text, starts, encoding }
    }

    pub fn position(&self, byte: usize) -> Position {
        let byte = self.text.floor_char_boundary(byte);
        let line = self.starts.partition_point(|&start| start <= byte) - 1;
        let before = &self.text[self.starts[line]..byte];
        let character: usize = before.chars().map(|c| self.encoding.units(c)).sum();
        Position { line: small(line), character: small(character) }
    }

    /// The byte of a position; beyond a line's end is its end, beyond the last line is the text's.
    pub fn byte(&self, position: Position) -> usize {
        let line = self.line(position.line as usize);
        let mut left = position.character as usize;
        for (at, c) in self.text[line.clone()].char_indices() {
            let units = self.encoding.units(c);
            if left < units {
                return line.start + at;
            }
            left -= units;
        }
        line.end
    }

    /// A line's bytes without what ends it; behind the last line, the text's end.
    pub fn line(&self, line: usize) -> Span {
        let Some(&start) = self.starts.get(line) else { return self.text.len()..self.text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        start..start + self.text[start..end].trim_end_matches(['\r', '\n']).len()
    }

    pub fn range(&self, span: &Span) -> Range {
        Range { start: self.position(span.start), end: self.position(span.end) }
    }

    /// Never empty where the line is not: a squiggle needs something to stand under.
    pub fn visible(&self, span: &Span) -> Range {
        if !span.is_empty() {
            return self.range(span);
        }
        let line = self.line(self.position(span.start).line as usize);
        let words = self.text[line.clone()].trim_start();
        self.range(&(line.end - words.len()..line.start + self.text[line].trim_end().len()))
    }

    pub fn span(&self, range: Range) -> Span {
        let (start, end) = (self.byte(range.start), self.byte(range.end));
        start..end.max(start)
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\u{e4}\u{1f600}b\r\nsecond\n";

    fn positions(encoding: Encoding) -> Vec<(u32, u32)> {
        let places = Places::new(TEXT, encoding);
        [0, 1, 3, 7, 8, 10, 17].map(|byte| places.position(byte)).map(|p| (p.line, p.character)).into()
    }

    #[test]
    fn characters_count_as_agreed() {
        assert_eq!(positions(Encoding::Utf8), [(0, 0), (0, 1), (0, 3), (0, 7), (0, 8), (1, 0), (2, 0)]);
        assert_eq!(positions(Encoding::Utf16), [(0, 0), (0, 1), (0, 2), (0, 4), (0, 5), (1, 0), (2, 0)]);
        assert_eq!(positions(Encoding::Utf32), [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (2, 0)]);
    }

    #[test]
    fn each_character_is_found_again() {
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            let places = Places::new(TEXT, encoding);
            for (byte, _) in TEXT.char_indices().filter(|(_, c)| *c != '\n') {
                assert_eq!(places.byte(places.position(byte)), byte);
            }
        }
    }

    #[test]
    fn beyond_a_line_is_its_end_and_beyond_the_last_line_the_texts() {
        let places = Places::new(TEXT, Encoding::Utf16);
        assert_eq!(places.byte(Position::new(0, 99)), 8);
        assert_eq!(places.byte(Position::new(99, 0)), TEXT.len());
        assert_eq!(places.byte(Position::new(0, 3)), 3, "inside a pair: before it");
    }

    #[test]
    fn an_empty_place_shows_as_its_line() {
        let places = Places::new("  [model]  \nx", Encoding::Utf8);
        assert_eq!(places.visible(&(3..3)), Range::new(Position::new(0, 2), Position::new(0, 9)));
        assert_eq!(Places::new("", Encoding::Utf8).visible(&(0..0)), Range::default());
    }

    #[test]
    fn the_clients_first_choice_holds() {
        let offered = [PositionEncodingKind::UTF32, PositionEncodingKind::UTF8];
        assert_eq!(Encoding::negotiate(Some(&offered)), Encoding::Utf32);
        assert_eq!(Encoding::negotiate(None), Encoding::Utf16);
    }
}
