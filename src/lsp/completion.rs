//! Completion: tables, keys, values, layers of the model with their figures, rules, files.

use std::path::Path;

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, MarkupContent, MarkupKind, Position,
    TextEdit,
};

use crate::engine::{self, Place as Cut};
use crate::lint::RULES;
use crate::order;
use crate::project::cursor::{self, Place};
use crate::project::schema;
use crate::project::{Key, Offers};
use crate::text::Span;

use super::document::Snapshot;

/// Returns the completions at a position, the most useful first.
pub fn at(snapshot: &Snapshot, position: Position) -> Vec<CompletionItem> {
    let places = snapshot.places();
    let text = &snapshot.project.text;
    let (span, offers) = match cursor::at(text, places.byte(position)) {
        Place::Header { name } => (name, tables()),
        Place::Key { table, key } => {
            let offers = keys(snapshot, &table);
            (key, offers)
        }
        Place::Value { table, key, value } => (value.clone(), values(snapshot, &table, &key, &value)),
        Place::Nothing => return Vec::new(),
    };
    let range = places.range(&span);
    let item = |(order, offer): (usize, Offer)| CompletionItem {
        label: offer.label,
        kind: Some(offer.kind),
        detail: offer.detail,
        documentation: (!offer.doc.is_empty()).then(|| {
            Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value: offer.doc.to_string() })
        }),
        // Text that the client compares with the typed text, including quotes.
        filter_text: Some(offer.text.clone()),
        sort_text: Some(format!("{order:06}")),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: offer.text })),
        ..CompletionItem::default()
    };
    offers.into_iter().enumerate().map(item).collect()
}

struct Offer {
    label: String,
    /// Inserted text.
    text: String,
    kind: CompletionItemKind,
    detail: Option<String>,
    doc: &'static str,
}

impl Offer {
    fn new(text: impl Into<String>, kind: CompletionItemKind, doc: &'static str) -> Offer {
        let text = text.into();
        Offer { label: text.trim_matches('"').to_string(), text, kind, detail: None, doc }
    }
}

fn tables() -> Vec<Offer> {
    let offer = |(name, key): (String, &'static Key)| Offer::new(name, CompletionItemKind::MODULE, key.doc());
    schema::tables().into_iter().map(offer).collect()
}

/// Keys of a table; outside of all tables, the table headers.
fn keys(snapshot: &Snapshot, table: &str) -> Vec<Offer> {
    match table {
        "" => {
            let header = |offer: Offer| {
                let text = format!("[{}]", offer.text);
                Offer { label: text.clone(), text, ..offer }
            };
            tables().into_iter().map(header).collect()
        }
        _ if schema::is_of_layers(table) => layers(snapshot, table),
        _ => {
            let keys = schema::keys(table).unwrap_or_default();
            keys.iter().map(|key| Offer::new(key.name, CompletionItemKind::PROPERTY, key.doc())).collect()
        }
    }
}

/// Layers without a line, those with the largest error first.
fn layers(snapshot: &Snapshot, table: &str) -> Vec<Offer> {
    let config = &snapshot.project.config;
    let has_line = |name: &str| match table {
        "precision" => config.precision.iter().any(|c| c.layer.value == name),
        _ => config.calibration.methods.iter().any(|c| c.layer.value == name),
    };
    let mut all: Vec<(Option<f64>, Offer)> = Vec::new();
    for layer in snapshot.knowledge.layers().iter().filter(|layer| !has_line(&layer.name)) {
        let alone = layer.alone();
        let nsr = alone.map(|alone| alone.nsr);
        let loses = alone.map(|alone| format!(", quantized alone: {alone} error on the outputs"));
        let quoted = toml::Value::String(layer.name.clone()).to_string();
        let offer = Offer {
            label: layer.name.clone(),
            detail: Some(format!("{}{}", layer.op, loses.unwrap_or_default())),
            ..Offer::new(quoted, CompletionItemKind::FIELD, "")
        };
        all.push((nsr, offer));
    }
    order::sort_by(&mut all, |a, b| b.0.unwrap_or(-1.0).total_cmp(&a.0.unwrap_or(-1.0)));
    all.into_iter().map(|(_, offer)| offer).collect()
}

fn values(snapshot: &Snapshot, table: &str, key: &str, value: &Span) -> Vec<Offer> {
    let choices = schema::choices(table, key);
    if !choices.is_empty() {
        return choices.into_iter().map(|c| Offer::new(c.text, CompletionItemKind::ENUM_MEMBER, c.doc)).collect();
    }
    match schema::find(&format!("{table}.{key}")).or_else(|| schema::find(table)).map(|key| key.offers) {
        Some(Offers::Ends) => ends(snapshot, value),
        Some(Offers::Rules) => RULES
            .iter()
            .map(|rule| Offer {
                detail: Some(rule.name.to_string()),
                ..Offer::new(format!("\"{}\"", rule.code), CompletionItemKind::REFERENCE, rule.doc)
            })
            .collect(),
        Some(Offers::Models) => files(snapshot, value, &engine::model_endings()),
        Some(Offers::Files(endings)) => files(snapshot, value, endings),
        Some(Offers::Choices) | None => Vec::new(),
    }
}

/// Layers and values at which the network can be cut, by depth; of values that a layer's name stands for, those that the typed
/// text begins.
fn ends(snapshot: &Snapshot, value: &Span) -> Vec<Offer> {
    let typed = cursor::unquoted(snapshot.project.text.get(value.clone()).unwrap_or_default());
    let offer = |place: &Cut| {
        let is_layer = place.is_only && !place.layer.is_empty();
        let is_typed = place.value.starts_with(typed) && !place.layer.starts_with(typed);
        let name = if is_layer && !is_typed { &place.layer } else { &place.value };
        let shape = place.shape.as_ref().map(|shape| format!(", {}", sides(shape))).unwrap_or_default();
        let quoted = toml::Value::String(name.clone()).to_string();
        let detail = Some(format!("{}, depth {}{shape}", place.op, place.depth));
        Offer { label: name.clone(), detail, ..Offer::new(quoted, CompletionItemKind::FIELD, "") }
    };
    snapshot.knowledge.places().iter().map(offer).collect()
}

/// "1x64x40x40"
pub fn sides(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// Files of the folder with one of these endings, and its folders.
fn files(snapshot: &Snapshot, value: &Span, endings: &[&str]) -> Vec<Offer> {
    let typed = cursor::unquoted(snapshot.project.text.get(value.clone()).unwrap_or_default());
    let above = typed.rfind('/').map_or("", |at| &typed[..=at]);
    // A folder that cannot be read has no completions.
    let Ok(entries) = std::fs::read_dir(snapshot.project.resolve(above)) else { return Vec::new() };
    let mut offers: Vec<Offer> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
            let is_folder = entry.path().is_dir();
            let ends = Path::new(&name).extension().is_some_and(|e| endings.iter().any(|ending| e == *ending));
            let (slash, kind) =
                if is_folder { ("/", CompletionItemKind::FOLDER) } else { ("", CompletionItemKind::FILE) };
            let quoted = toml::Value::String(format!("{above}{name}{slash}")).to_string();
            (is_folder || ends).then(|| Offer::new(quoted, kind, ""))
        })
        .collect();
    order::sort_by(&mut offers, |a, b| {
        (a.kind == CompletionItemKind::FOLDER, &a.text).cmp(&(b.kind == CompletionItemKind::FOLDER, &b.text))
    });
    offers
}
