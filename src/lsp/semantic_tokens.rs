//! Semantic tokens: tables, keys, names of layers, and values by what they mean.

use lsp_types::{Range, SemanticToken, SemanticTokenType, SemanticTokens, SemanticTokensLegend};

use crate::project::outline::{Entry, outline};
use crate::project::{Offers, schema};
use crate::text::Span;

use super::document::Snapshot;

/// Types in the order of their numbers.
const TYPES: [SemanticTokenType; 6] = [
    SemanticTokenType::NAMESPACE,
    SemanticTokenType::PROPERTY,
    SemanticTokenType::FUNCTION,
    SemanticTokenType::ENUM_MEMBER,
    SemanticTokenType::NUMBER,
    SemanticTokenType::STRING,
];
const TABLE: u32 = 0;
const KEY: u32 = 1;
const LAYER: u32 = 2;
const WORD: u32 = 3;
const NUMBER: u32 = 4;
const TEXT: u32 = 5;

pub fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend { token_types: TYPES.to_vec(), token_modifiers: Vec::new() }
}

/// Returns the tokens that touch a range; without one, all.
pub fn tokens(snapshot: &Snapshot, range: Option<Range>) -> SemanticTokens {
    let (places, text) = (snapshot.places(), &snapshot.project.text);
    let wanted = range.map_or(0..text.len(), |range| places.span(range));
    let mut found: Vec<(Span, u32)> = Vec::new();
    for section in outline(text) {
        found.push((section.header.clone(), TABLE));
        let is_of_layers = schema::is_of_layers(&section.name);
        for entry in &section.entries {
            found.push((entry.key.clone(), if is_of_layers { LAYER } else { KEY }));
            found.extend(kind(text, &section.name, entry).map(|kind| (entry.value.clone(), kind)));
        }
    }
    let mut data = Vec::with_capacity(found.len());
    let (mut line, mut column) = (0, 0);
    for (span, token_type) in found {
        let range = places.range(&span);
        if span.is_empty() || span.end < wanted.start || span.start > wanted.end || range.start.line != range.end.line {
            continue;
        }
        let (start, length) = (range.start, range.end.character - range.start.character);
        let delta_start = if start.line == line { start.character - column } else { start.character };
        let delta_line = start.line - line;
        data.push(SemanticToken { delta_line, delta_start, length, token_type, token_modifiers_bitset: 0 });
        (line, column) = (start.line, start.character);
    }
    SemanticTokens { result_id: None, data }
}

/// Type of a value on its key's line; lists and tables have none.
fn kind(text: &str, table: &str, entry: &Entry) -> Option<u32> {
    let value = text.get(entry.value.clone())?;
    if schema::choices(table, &entry.name).iter().any(|choice| choice.text == value) {
        return Some(WORD);
    }
    let key = schema::find(&format!("{table}.{}", entry.name)).or_else(|| schema::find(table))?;
    match value.chars().next()? {
        '"' | '\'' => Some(match key.offers {
            Offers::Models | Offers::Files(_) | Offers::Rules => TEXT,
            // "10%" and "1 MB" are numbers in quotes.
            _ if value[1..].starts_with(|c: char| c.is_ascii_digit()) => NUMBER,
            _ => TEXT,
        }),
        '0'..='9' | '-' | '+' | '.' => Some(NUMBER),
        't' | 'f' => Some(WORD),
        _ => None,
    }
}
