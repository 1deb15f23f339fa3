//! Hover: what a key or a value means, and what is known of a layer.

use std::fmt::Write as _;

use tower_lsp::lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position};

use crate::analysis::{Layer, Port, Report};
use crate::project::cursor::{self, Place, unquoted};
use crate::project::schema;
use crate::project::{Key, Offers};
use crate::text::units::{number, percent};

use super::document::{ModelFacts, Snapshot};

pub fn at(snapshot: &Snapshot, position: Position, markdown: bool) -> Option<Hover> {
    let places = snapshot.places();
    let text = &snapshot.project.text;
    let (span, value) = match cursor::at(text, places.byte(position)) {
        Place::Header { name } => {
            let doc = schema::find(text[name.clone()].trim())?.doc().to_string();
            (name, doc)
        }
        Place::Key { table, key } => {
            let name = unquoted(&text[key.clone()]).to_string();
            let words = match schema::is_of_layers(&table) {
                true => layer(snapshot, &name)?,
                false => explained(schema::keys(&table)?.iter().find(|k| k.name == name)?),
            };
            (key, words)
        }
        Place::Value { table, key, value } => {
            let words = meaning(snapshot, &table, &key, text[value.clone()].trim())?;
            (value, words)
        }
        Place::Nothing => return None,
    };
    let kind = if markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    Some(Hover { contents: HoverContents::Markup(MarkupContent { kind, value }), range: Some(places.range(&span)) })
}

fn meaning(snapshot: &Snapshot, table: &str, key: &str, value: &str) -> Option<String> {
    if let Some(choice) = schema::choices(table, key).into_iter().find(|c| c.text == value && !c.doc.is_empty()) {
        return Some(format!("`{}`: {}", unquoted(value), choice.doc));
    }
    match schema::find(&format!("{table}.{key}"))?.offers {
        Offers::Rules => crate::lint::find(unquoted(value)).map(|rule| rule.doc.to_string()),
        Offers::Models => model(snapshot),
        Offers::Files(_) | Offers::Choices => None,
    }
}

/// A key's doc, the words that it may have, and its default.
fn explained(key: &Key) -> String {
    match key.default {
        Some(default) => format!("{} Default: `{}`.", key.meaning(), default()),
        None => key.meaning(),
    }
}

/// The model as it is known by now.
fn model(snapshot: &Snapshot) -> Option<String> {
    let facts: &ModelFacts = snapshot.model.as_deref()?;
    let mut text = format!("{} layers, inputs {}", facts.layers.len(), facts.inputs.join(", "));
    if let Some(report) = &snapshot.report {
        for output in &report.outputs {
            let _ = write!(text, "\n\noutput `{}` loses {}", output.name, percent(output.error.nsr));
        }
    }
    Some(text)
}

/// A layer's operator, figures and scales.
fn layer(snapshot: &Snapshot, name: &str) -> Option<String> {
    let report: Option<&Report> = snapshot.report.as_deref();
    match report.and_then(|r| r.layers.iter().find(|l| l.name == name)) {
        Some(layer) => Some(figures(layer)),
        None => {
            let known = snapshot.model.as_ref()?.layers.iter().find(|l| l.name == name)?;
            Some(format!("**{}** `{}`\n\nnot measured yet", known.op, known.name))
        }
    }
}

fn figures(layer: &Layer) -> String {
    let mut text = format!("**{}** `{}` at {}\n", layer.op, layer.name, layer.scheme);
    let mut line = |what: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n- {what}: {value}");
    };
    if let Some(error) = layer.layerwise {
        line("alone costs the outputs (layerwise NSR)", percent(error.nsr));
    }
    if let Some(error) = layer.graphwise {
        line("error that has gathered up to here (graphwise NSR)", percent(error.nsr));
    }
    for (kind, ports) in [("input", &layer.inputs), ("output", &layer.outputs)] {
        for port in ports.iter().flatten() {
            line(kind, scale(port));
        }
    }
    text
}

/// Digits of a range.
const DIGITS: i32 = 5;

/// "`/a/Conv_output_0`, int8, exponent -5: -4 to 3.97"
fn scale(port: &Port) -> String {
    let (low, high) = (port.exponents.iter().min(), port.exponents.iter().max());
    let exponents = match (low, high) {
        (Some(low), Some(high)) if low == high => {
            let step = f64::from(*low).exp2();
            let half = f64::from(port.bits.saturating_sub(1)).exp2();
            format!("exponent {low}: {} to {}", number(-half * step, DIGITS), number((half - 1.0) * step, DIGITS))
        }
        (Some(low), Some(high)) => format!("exponents {low} to {high}, per channel"),
        _ => "no exponent".to_string(),
    };
    format!("`{}`, int{}, {exponents}", port.name, port.bits)
}
