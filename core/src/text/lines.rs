//! Lines and columns of a text.

use std::borrow::Cow;

use line_index::{LineCol, TextSize, WideEncoding, WideLineCol};

use super::Span;

/// Unit of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Code units of UTF-16: LSP's default.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    fn wide(self) -> Option<WideEncoding> {
        match self {
            Encoding::Utf8 => None,
            Encoding::Utf16 => Some(WideEncoding::Utf16),
            Encoding::Utf32 => Some(WideEncoding::Utf32),
        }
    }
}

/// A line and a column, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Number of line ends before it.
    pub line: u32,
    /// Code units since the line's start, in the encoding that was asked for.
    pub column: u32,
}

/// Text with the positions of its line starts. As in LSP, `\n`, `\r\n` and a lone `\r` end a line.
pub struct LineIndex<'t> {
    text: &'t str,
    index: line_index::LineIndex,
}

impl<'t> LineIndex<'t> {
    /// Finds all line ends of a text.
    pub fn new(text: &'t str) -> LineIndex<'t> {
        LineIndex { text, index: line_index::LineIndex::new(&with_newlines(text)) }
    }

    /// Returns the position of a byte. Inside a character, it is the character's; past the text, that of its end.
    pub fn position(&self, byte: usize, encoding: Encoding) -> Position {
        let start = LineCol { line: 0, col: 0 };
        let found = self.index.try_line_col(size(self.text.floor_char_boundary(byte))).unwrap_or(start);
        let column = match encoding.wide() {
            None => found.col,
            Some(wide) => self.index.to_wide(wide, found).map_or(found.col, |wide| wide.col),
        };
        Position { line: found.line, column }
    }

    /// Returns the byte of a position. Inside a character, it is the character's first byte; past a line, the line's
    /// end; past the last line, the end of the text.
    pub fn byte(&self, position: Position, encoding: Encoding) -> usize {
        let Position { line, column } = position;
        let bytes = match encoding.wide() {
            None => Some(column),
            Some(wide) => self.index.to_utf8(wide, WideLineCol { line, col: column }).map(|found| found.col),
        };
        let line = self.line(line);
        // A column too large for `usize` is past every line.
        let byte = bytes.map_or(line.end, |bytes| line.start.saturating_add(bytes as usize));
        self.text.floor_char_boundary(byte.min(line.end))
    }

    /// Returns the byte range of a line without its line ending; past the last line, the empty range at the end of the
    /// text.
    pub fn line(&self, line: u32) -> Span {
        let Some(range) = self.index.line(line) else { return self.text.len()..self.text.len() };
        let (start, end) = (usize::from(range.start()), usize::from(range.end()));
        start..start + self.text[start..end].trim_end_matches(['\r', '\n']).len()
    }
}

/// Replaces every lone `\r` by `\n`, the only line ending of `line_index`. Byte positions do not change.
fn with_newlines(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_lone = |at: usize| bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) != Some(&b'\n');
    if !(0..bytes.len()).any(is_lone) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.char_indices().map(|(at, c)| if is_lone(at) { '\n' } else { c }).collect())
}

fn size(byte: usize) -> TextSize {
    TextSize::try_from(byte).unwrap_or_else(|_| TextSize::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\u{e4}\u{1f600}b\r\nsecond\n";
    const ENCODINGS: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    fn positions(encoding: Encoding) -> Vec<(u32, u32)> {
        let lines = LineIndex::new(TEXT);
        [0, 1, 3, 7, 8, 10, 17].map(|byte| lines.position(byte, encoding)).map(|p| (p.line, p.column)).into()
    }

    #[test]
    fn columns_count_in_the_units_of_the_encoding() {
        assert_eq!(positions(Encoding::Utf8), [(0, 0), (0, 1), (0, 3), (0, 7), (0, 8), (1, 0), (2, 0)]);
        assert_eq!(positions(Encoding::Utf16), [(0, 0), (0, 1), (0, 2), (0, 4), (0, 5), (1, 0), (2, 0)]);
        assert_eq!(positions(Encoding::Utf32), [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (2, 0)]);
    }

    #[test]
    fn each_character_is_found_again() {
        for encoding in ENCODINGS {
            let lines = LineIndex::new(TEXT);
            for (byte, _) in TEXT.char_indices().filter(|(_, c)| *c != '\n') {
                assert_eq!(lines.byte(lines.position(byte, encoding), encoding), byte);
            }
        }
    }

    #[test]
    fn beyond_a_line_is_its_end_and_beyond_the_last_line_the_texts() {
        let lines = LineIndex::new(TEXT);
        let byte = |line, column| lines.byte(Position { line, column }, Encoding::Utf16);
        assert_eq!(byte(0, 99), 8);
        assert_eq!(byte(0, u32::MAX), 8);
        assert_eq!(byte(99, 0), TEXT.len());
        assert_eq!(byte(0, 3), 3, "inside a pair: before it");
        assert_eq!(lines.byte(Position { line: 0, column: 2 }, Encoding::Utf8), 1, "inside a character: before it");
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        let lines = LineIndex::new("a\rb\r\nc\u{e4}\r");
        let lines: Vec<Span> = (0..4).map(|line| lines.line(line)).collect();
        assert_eq!(lines, [0..1, 2..3, 5..8, 9..9]);
    }

    proptest::proptest! {
        /// Reference by counting characters, without an index.
        #[test]
        fn positions_are_those_that_counting_finds(text in "[a\u{e4}\u{20ac}\u{1f600}\r\n]{0,12}", byte in 0usize..50) {
            let byte = text.floor_char_boundary(byte);
            let before = text[..byte].replace("\r\n", "\n");
            // Between `\r` and `\n` the line has not ended yet.
            let before = if text[byte..].starts_with('\n') { before.strip_suffix('\r').unwrap_or(&before) } else { &before };
            let line = before.matches(['\r', '\n']).count();
            let last = before.rsplit(['\r', '\n']).next().unwrap();
            let skipped = if text[byte..].starts_with('\n') && text[..byte].ends_with('\r') { 1 } else { 0 };
            let columns = [last.len(), last.encode_utf16().count(), last.chars().count()];
            let lines = LineIndex::new(&text);
            for (encoding, column) in ENCODINGS.into_iter().zip(columns) {
                let found = lines.position(byte, encoding);
                proptest::prop_assert_eq!((found.line as usize, found.column as usize), (line, column + skipped));
                proptest::prop_assert_eq!(lines.byte(found, encoding), byte - skipped);
            }
        }
    }
}
