//! Outline of a configuration: symbols, folding ranges, and links to its files.

use lsp_types::{
    DocumentLink, DocumentSymbol, DocumentSymbolResponse, FoldingRange, FoldingRangeKind, SymbolKind, Url,
};

use crate::project::outline::{Entry, Section, outline};
use crate::project::{Offers, schema};

use super::document::Snapshot;
use super::position::Places;

pub fn symbols(snapshot: &Snapshot) -> DocumentSymbolResponse {
    let places = snapshot.places();
    let text = &snapshot.project.text;
    DocumentSymbolResponse::Nested(outline(text).iter().map(|section| of_section(section, text, &places)).collect())
}

fn of_section(section: &Section, text: &str, places: &Places) -> DocumentSymbol {
    let kind = match schema::is_of_layers(&section.name) {
        true => SymbolKind::FUNCTION,
        false => SymbolKind::PROPERTY,
    };
    let entry = |entry: &Entry| {
        let whole = entry.key.start..entry.value.end.max(entry.key.end);
        symbol(&entry.name, Some(&text[entry.value.clone()]), kind, [&whole, &entry.key], None, places)
    };
    let children = section.entries.iter().map(entry).collect();
    let name = if section.name.is_empty() { "(no table)" } else { &section.name };
    symbol(name, None, SymbolKind::MODULE, [&section.span, &section.header], Some(children), places)
}

/// Makes a symbol; the first span is the whole, the second one what is selected, within the first.
fn symbol(
    name: &str,
    detail: Option<&str>,
    kind: SymbolKind,
    [whole, selected]: [&std::ops::Range<usize>; 2],
    children: Option<Vec<DocumentSymbol>>,
    places: &Places,
) -> DocumentSymbol {
    let selected = if selected.start < whole.start { whole.start..whole.start } else { selected.clone() };
    #[allow(deprecated)] // The field has no default in lsp-types.
    DocumentSymbol {
        // A name must not be empty.
        name: if name.is_empty() { "\"\"".to_string() } else { name.to_string() },
        detail: detail.map(str::to_string),
        kind,
        tags: None,
        deprecated: None,
        range: places.range(whole),
        selection_range: places.range(&selected),
        children,
    }
}

pub fn foldings(snapshot: &Snapshot) -> Vec<FoldingRange> {
    let places = snapshot.places();
    let fold = |section: &Section| {
        let range = places.range(&section.span);
        (range.end.line > range.start.line).then(|| FoldingRange {
            start_line: range.start.line,
            end_line: range.end.line,
            kind: Some(FoldingRangeKind::Region),
            ..FoldingRange::default()
        })
    };
    outline(&snapshot.project.text).iter().filter_map(fold).collect()
}

/// Returns links of keys that name a file which exists.
pub fn links(snapshot: &Snapshot) -> Vec<DocumentLink> {
    let project = &snapshot.project;
    let (places, text) = (snapshot.places(), &project.text);
    let mut links = Vec::new();
    for section in outline(text) {
        let is_file = |entry: &&Entry| {
            let key = schema::find(&format!("{}.{}", section.name, entry.name));
            key.is_some_and(|key| matches!(key.offers, Offers::Models | Offers::Files(_)))
        };
        for entry in section.entries.iter().filter(is_file) {
            let written = text[entry.value.clone()].trim();
            let is_whole = written.len() > 1 && written.ends_with(['"', '\'']) && written.starts_with(['"', '\'']);
            // Without the quotes.
            let inner = entry.value.start + 1..entry.value.end.saturating_sub(1);
            let Some(path) = text.get(inner.clone()).filter(|_| is_whole).map(|path| project.resolve(path)) else {
                continue;
            };
            let Some(target) = Some(path).filter(|p| p.is_file()).and_then(|p| Url::from_file_path(p).ok()) else {
                continue;
            };
            links.push(DocumentLink { range: places.range(&inner), target: Some(target), tooltip: None, data: None });
        }
    }
    links
}
