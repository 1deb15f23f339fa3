//! Hover: documentation of a key or a value, figures of a layer.

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position, Range};

use crate::analysis::{Alone, ErrorFigures, LayerPort, OutputError};
use crate::cost::{Cost, LayerCost};
use crate::project::cursor::{self, Place, unquoted};
use crate::project::schema;
use crate::project::{Key, Offers};
use crate::text::units::{number, percent, size};

use super::completion::sides;
use super::document::Snapshot;
use super::knowledge::LayerView;
use super::layer_list::layers_on;

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
                true => {
                    let words = layer(snapshot.knowledge.layer(&name)?, snapshot.knowledge.layer_cost(&name));
                    words + snapshot.knowledge.state()
                }
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

/// Figures of the layer on a line of the list.
pub fn in_list(snapshot: &Snapshot, position: Position, markdown: bool) -> Option<Hover> {
    let found = *layers_on(&snapshot.knowledge, Range::new(position, position)).first()?;
    let value = layer(found, snapshot.knowledge.layer_cost(&found.name)) + snapshot.knowledge.state();
    let kind = if markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    Some(Hover { contents: HoverContents::Markup(MarkupContent { kind, value }), range: None })
}

fn meaning(snapshot: &Snapshot, table: &str, key: &str, value: &str) -> Option<String> {
    if let Some(choice) = schema::choices(table, key).into_iter().find(|c| c.text == value && !c.doc.is_empty()) {
        return Some(format!("`{}`: {}", unquoted(value), choice.doc));
    }
    match schema::find(&format!("{table}.{key}")).or_else(|| schema::find(table))?.offers {
        Offers::Ends => end(snapshot, unquoted(value)),
        Offers::Rules => crate::lint::find(unquoted(value)).map(|rule| rule.doc.to_string()),
        Offers::Models => model(snapshot),
        Offers::Files(_) | Offers::Choices => None,
    }
}

/// Documentation of a key, its allowed values and its default.
fn explained(key: &Key) -> String {
    match key.default {
        Some(default) => format!("{} Default: `{}`.", key.meaning(), default()),
        None => key.meaning(),
    }
}

/// Layer, shape and range of a value at which the network is cut.
fn end(snapshot: &Snapshot, name: &str) -> Option<String> {
    let place = snapshot.knowledge.place(name)?;
    let shape = place.shape.as_ref().map(|shape| format!(", {}", sides(shape))).unwrap_or_default();
    let mut parts = vec![format!("**{}** `{}`, depth {}{shape}", place.op, place.value, place.depth)];
    let figures = snapshot.knowledge.layer(&place.layer).and_then(|layer| layer.figures.as_ref());
    // A layer has a scale for its value once it is measured; where the value has a new name, it is the only one.
    let ports = figures.map_or(&[][..], |figures| &figures.outputs);
    let own = ports.iter().find(|port| port.name == place.value).or_else(|| ports.first().filter(|_| place.is_only));
    parts.extend(own.map(|port| format!("range: {}", scale(port))));
    Some(parts.join("\n\n"))
}

/// Summary of the model, with the errors of its outputs once they are measured.
fn model(snapshot: &Snapshot) -> Option<String> {
    let knowledge = &snapshot.knowledge;
    let layers = knowledge.layers().len();
    let error = |output: &OutputError| match output.equal {
        Some(equal) => format!("output `{}`: {} of its elements are equal", output.name, percent(equal)),
        None => format!("output `{}`: quantization error {} NSR", output.name, percent(output.error.nsr)),
    };
    let mut parts = vec![format!("{layers} layers, inputs {}", knowledge.inputs().join(", "))];
    parts.extend(knowledge.outputs().iter().map(error));
    parts.extend(knowledge.cost().map(whole));
    (layers > 0).then(|| parts.join("\n\n"))
}

/// Sections of a layer's hover, in order.
const SECTIONS: &[fn(&LayerView) -> Option<String>] = &[head, errors, scales, notes];

fn layer(layer: &LayerView, cost: Option<&LayerCost>) -> String {
    let sections = SECTIONS.iter().filter_map(|section| section(layer)).chain(cost.map(on_chip));
    let sections: Vec<String> = sections.collect();
    sections.join("\n\n")
}

fn head(layer: &LayerView) -> Option<String> {
    let scheme = layer.scheme.map(|scheme| format!(" at {scheme}")).unwrap_or_default();
    let module = layer.module.as_ref().map(|module| format!(", module `{module}`")).unwrap_or_default();
    Some(format!("**{}** `{}`{scheme}{module}", layer.op, layer.name))
}

fn errors(layer: &LayerView) -> Option<String> {
    let Some(figures) = &layer.figures else { return Some("not measured yet".to_string()) };
    let alone = |error: Alone| format!("error on the outputs if quantized alone (layerwise NSR): {error}");
    let cumulative =
        |error: ErrorFigures| format!("cumulative error up to here (graphwise NSR): {}", percent(error.nsr));
    list([figures.alone.map(alone), figures.graphwise.map(cumulative)])
}

fn scales(layer: &LayerView) -> Option<String> {
    let figures = layer.figures.as_ref()?;
    let lines = |kind: &'static str, ports: &[LayerPort]| -> Vec<Option<String>> {
        ports.iter().map(|port| Some(format!("{kind}: {}", scale(port)))).collect()
    };
    list([lines("input", &figures.inputs), lines("output", &figures.outputs)].concat())
}

/// Kernel, time and bytes of the layer on the chip.
fn on_chip(cost: &LayerCost) -> String {
    let time = cost.time.map(|time| format!("- time: {}", time.milliseconds()));
    let waits = (cost.waits > 0.2).then(|| format!("- {} of it waiting for weights", percent(cost.waits)));
    let bytes = format!(
        "- flash: {}, values: {} -> {}",
        size(cost.flash_bytes),
        size(cost.input_bytes),
        size(cost.output_bytes)
    );
    let lines = [Some(format!("- kernel: {}", cost.kernel)), time, waits, Some(bytes)];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// "flash 371 KiB, RAM 712 KiB, 47.1 ms (41.0 to 54.2)"
fn whole(cost: &Cost) -> String {
    let totals = cost.totals();
    let time = totals.time.map(|time| format!(", {} a run", time.milliseconds())).unwrap_or_default();
    format!("{}: flash {}, RAM {}{time}", cost.target, size(totals.flash_bytes), size(totals.ram_bytes))
}

fn notes(layer: &LayerView) -> Option<String> {
    list(layer.figures.as_ref()?.notes.iter().map(|note| Some(format!("note: {note}"))))
}

/// Formats a Markdown list; `None` if it would be empty.
fn list(lines: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let lines: Vec<String> = lines.into_iter().flatten().map(|line| format!("- {line}")).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Significant digits of a range.
const DIGITS: i32 = 5;

/// "`/a/Conv_output_0`, int8, exponent -5: -4 to 3.97"
fn scale(LayerPort { name, port, .. }: &LayerPort) -> String {
    let (low, high) = (port.exponents.iter().min(), port.exponents.iter().max());
    let exponents = match (low, high) {
        (Some(low), Some(high)) if low == high => {
            let step = (*low as f64).exp2();
            let half = f64::from(port.bits.saturating_sub(1)).exp2();
            format!("exponent {low}: {} to {}", number(-half * step, DIGITS), number((half - 1.0) * step, DIGITS))
        }
        (Some(low), Some(high)) => format!("exponents {low} to {high}, per channel"),
        _ => "no exponent".to_string(),
    };
    format!("`{name}`, int{}, {exponents}", port.bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Scheme;
    use crate::lsp::knowledge::Figures;
    use crate::quant::Port;

    #[test]
    fn a_layers_hover_has_all_its_figures() {
        let mut view = LayerView {
            name: "/a".to_string(),
            op: "Conv".to_string(),
            module: Some("a.conv".to_string()),
            shape: vec![1, 4],
            scheme: Some(Scheme::Int8),
            figures: None,
        };
        assert_eq!(layer(&view, None), "**Conv** `/a` at int8, module `a.conv`\n\nnot measured yet");
        view.module = None;
        let port = LayerPort { name: "y".to_string(), port: Port { bits: 8, exponents: vec![-5] }, clipping: None };
        let error = ErrorFigures { nsr: 0.25, cosine: 0.9, mse: 0.1 };
        view.figures = Some(Figures {
            scheme: Scheme::Int8,
            graphwise: None,
            alone: Some(Alone { nsr: error.nsr, is_estimate: false }),
            inputs: Vec::new(),
            outputs: vec![port],
            notes: vec!["its output is 0".to_string()],
        });
        let lines = [
            "**Conv** `/a` at int8",
            "- error on the outputs if quantized alone (layerwise NSR): 25%",
            "- output: `y`, int8, exponent -5: -4 to 3.9688",
            "- note: its output is 0",
        ];
        assert_eq!(layer(&view, None), lines.join("\n\n"));
    }
}
