//! Lines of a configuration around a place, as a message shows them: control characters replaced, long lines cut.

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::project::Project;
use crate::text::{Encoding, LineIndex, Position, Span, is_hidden, visible};

/// Length from which a line is cut, in bytes, and what is kept before and after the place.
const LONG: usize = 200;
const BEFORE: usize = 40;
const AFTER: usize = 100;
/// Most lines of one place that are shown; of a longer one, the first.
const LINES: u32 = 12;

/// Text of a project with its lines, for any number of frames.
pub struct Source<'p> {
    name: String,
    text: &'p str,
    lines: LineIndex<'p>,
}

impl<'p> Source<'p> {
    /// Finds the lines of a project's text.
    pub fn of(project: &'p Project) -> Source<'p> {
        let name = visible(&project.file.display().to_string()).into_owned();
        Source { name, text: &project.text, lines: LineIndex::new(&project.text) }
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `true` if there is no line to show.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn position(&self, byte: usize) -> Position {
        self.lines.position(byte, Encoding::Utf32)
    }
}

/// Lines around a place, with the places of all labels in them.
pub struct Frame {
    name: String,
    text: String,
    /// Number of lines before the text.
    above: usize,
    column: usize,
    primary: usize,
    /// Labels, the first of them without words.
    pub labels: Vec<LabeledSpan>,
}

impl Frame {
    /// Draws the lines of a place, and of other places with words that are near to it.
    pub fn of(source: &Source, place: &Span, others: &[(Span, String)]) -> Frame {
        let place = within(source.text, place);
        let start = source.position(place.start);
        let line = |span: &Span| source.position(span.start).line;
        let near: Vec<(Span, &str)> = others
            .iter()
            .map(|(span, words)| (within(source.text, span), words.as_str()))
            .filter(|(span, _)| line(span).abs_diff(start.line) <= LINES)
            .collect();
        let end = |span: &Span| source.position(span.end).line.min(line(span) + LINES);
        let first = near.iter().map(|(span, _)| line(span)).fold(start.line, u32::min).saturating_sub(1);
        let last = near.iter().map(|(span, _)| end(span)).fold(end(&place), u32::max) + 1;

        let spans: Vec<&Span> = std::iter::once(&place).chain(near.iter().map(|(span, _)| span)).collect();
        let mut drawn = Drawn::new(spans.iter().flat_map(|span| [span.start, span.end]).collect());
        let (mut previous, mut end) = (None, 0);
        for number in first..=last {
            let line = source.lines.line(number);
            // Past the last line, its end is returned again.
            if previous.replace(line.start) == Some(line.start) {
                break;
            }
            drawn.line(source.text, &line, number > first);
            end = line.end;
        }
        if end < source.text.len() {
            // Without its end, an empty last line would not be shown.
            drawn.text.push('\n');
        }
        let places = drawn.finish();
        let label = |index: usize, words: Option<&str>| {
            let (start, end) = (places[2 * index], places[2 * index + 1].max(places[2 * index]));
            let span = SourceSpan::new(start.into(), end - start);
            match index {
                0 => LabeledSpan::new_primary_with_span(None, span),
                _ => LabeledSpan::new_with_span(words.map(str::to_string), span),
            }
        };
        let labels = (0..spans.len()).map(|i| label(i, i.checked_sub(1).map(|other| near[other].1))).collect();
        Frame {
            name: source.name.clone(),
            text: drawn.text,
            above: first as usize,
            column: start.column as usize,
            primary: places[0],
            labels,
        }
    }
}

impl SourceCode for Frame {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, before, after)?;
        let is_place = span.offset() == self.primary && before == 0 && after == 0;
        let column = if is_place { self.column } else { found.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            found.data(),
            *found.span(),
            found.line() + self.above,
            column,
            found.line_count(),
        )))
    }
}

fn within(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    start..text.floor_char_boundary(span.end.min(text.len())).max(start)
}

/// Lines as they are drawn, with the new places of marked bytes.
struct Drawn {
    text: String,
    marks: Vec<usize>,
    places: Vec<Option<usize>>,
}

impl Drawn {
    fn new(marks: Vec<usize>) -> Drawn {
        Drawn { text: String::new(), places: vec![None; marks.len()], marks }
    }

    fn line(&mut self, text: &str, line: &Span, is_next: bool) {
        if is_next {
            self.text.push('\n');
        }
        let kept = self.kept(text, line);
        self.mark(line.start..kept.start);
        if kept.start > line.start {
            self.text.push('…');
        }
        for (at, c) in text[kept.clone()].char_indices() {
            let byte = kept.start + at;
            self.mark(byte..byte + c.len_utf8());
            match c {
                '\t' => self.text.push(c),
                // The pictures of control characters are as wide as they are.
                '\0'..='\u{1f}' => self.text.extend(char::from_u32(0x2400 + u32::from(c))),
                '\u{7f}' => self.text.push('\u{2421}'),
                c if is_hidden(c) => self.text.push('\u{fffd}'),
                c => self.text.push(c),
            }
        }
        self.mark(kept.end..line.end + 1);
        if kept.end < line.end {
            self.text.push('…');
        }
    }

    /// Returns the part of a line to show: around the first mark on it.
    fn kept(&self, text: &str, line: &Span) -> Span {
        if line.len() <= LONG {
            return line.clone();
        }
        let mark = self.marks.iter().copied().filter(|mark| line.contains(mark)).min().unwrap_or(line.start);
        let start = if mark - line.start <= BEFORE { line.start } else { text.floor_char_boundary(mark - BEFORE) };
        start..text.floor_char_boundary((mark + AFTER).min(line.end)).max(start)
    }

    /// Gives the marks in a range of the text the place that is drawn next.
    fn mark(&mut self, range: Span) {
        for (mark, place) in self.marks.iter().zip(&mut self.places) {
            if range.contains(mark) && place.is_none() {
                *place = Some(self.text.len());
            }
        }
    }

    /// Returns the places; a mark behind the last line has that of the end.
    fn finish(&self) -> Vec<usize> {
        self.places.iter().map(|place| place.unwrap_or(self.text.len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str, place: Span, others: &[(Span, String)]) -> (String, Vec<String>, usize) {
        let project = Project::parse("espq.toml", text);
        let frame = Frame::of(&Source::of(&project), &place, others);
        let label = |label: &LabeledSpan| frame.text[label.offset()..label.offset() + label.len()].to_string();
        (frame.text.clone(), frame.labels.iter().map(label).collect(), frame.above)
    }

    #[test]
    fn a_frame_has_the_lines_around_the_place() {
        let text = "a = 1\nb = 2\nc = 3\nd = 4\n";
        assert_eq!(frame(text, 12..13, &[]), ("b = 2\nc = 3\nd = 4\n".into(), vec!["c".into()], 1));
        assert_eq!(frame(text, 0..0, &[]), ("a = 1\nb = 2\n".into(), vec!["".into()], 0));
        let other = [(18..19, "too".to_string())];
        assert_eq!(frame(text, 6..7, &other), ("a = 1\nb = 2\nc = 3\nd = 4\n".into(), vec!["b".into(), "d".into()], 0));
    }

    #[test]
    fn long_lines_are_cut_around_the_place_and_control_characters_have_pictures() {
        let text = format!("a = '{}' # \u{1b}[2J{}\n", "x".repeat(1000), "y".repeat(1000));
        let place = text.find("\u{1b}").unwrap();
        let (shown, labels, _) = frame(&text, place..place + 4, &[]);
        assert!(shown.len() < 200 && shown.starts_with('…') && shown.contains('…'), "{shown}");
        assert_eq!(labels, ["\u{241b}[2J"]);
        let (shown, labels, _) = frame(&"\0".repeat(300_000), 0..300_000, &[]);
        assert!(shown.len() < 500 && !labels[0].is_empty());
    }

    proptest::proptest! {
        #[test]
        fn every_place_has_a_frame(text in "[a=\u{e4}\u{0}\r\n']{0,30}", start in 0usize..40, length in 0usize..40) {
            let project = Project::parse("espq.toml", text);
            let source = Source::of(&project);
            let frame = Frame::of(&source, &(start..start + length), &[(length..start + length, String::new())]);
            for label in &frame.labels {
                proptest::prop_assert!(frame.text.get(label.offset()..label.offset() + label.len()).is_some());
            }
        }
    }
}
