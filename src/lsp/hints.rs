//! Figures in the text: inlay hints beside precisions and limits, and lenses above the model.

use lsp_types::{CodeLens, Command, InlayHint, InlayHintKind, InlayHintLabel, InlayHintTooltip, Range};
use serde_json::json;

use crate::analysis::is_over;
use crate::cost::{Change, Totals};
use crate::project::outline::{Entry, Section, outline};
use crate::text::units::{count, percent, short_percent, size};

use super::abilities::Abilities;
use super::commands;
use super::document::Snapshot;
use super::knowledge::LayerView;

/// Returns the hints of a range: each layer's errors beside its precision, with what that costs, and the value beside each
/// limit.
pub fn hints(snapshot: &Snapshot, range: Range) -> Vec<InlayHint> {
    let places = snapshot.places();
    let wanted = places.span(range);
    let mut hints = Vec::new();
    for section in outline(&snapshot.project.text) {
        for entry in &section.entries {
            let at = entry.value.end;
            if at < wanted.start || at > wanted.end {
                continue;
            }
            let Some((label, tooltip)) = hint(snapshot, &section, entry) else { continue };
            hints.push(InlayHint {
                position: places.range(&(at..at)).start,
                label: InlayHintLabel::String(label + snapshot.knowledge.state()),
                kind: Some(InlayHintKind::TYPE),
                text_edits: None,
                tooltip: Some(InlayHintTooltip::String(tooltip)),
                padding_left: Some(true),
                padding_right: None,
                data: None,
            });
        }
    }
    hints
}

fn hint(snapshot: &Snapshot, section: &Section, entry: &Entry) -> Option<(String, String)> {
    let knowledge = &snapshot.knowledge;
    match (section.name.as_str(), entry.name.as_str()) {
        ("precision", layer) => of_layer(knowledge.layer(layer)?, knowledge.price(layer)),
        ("limits", key @ ("flash" | "ram" | "latency")) => of_limit(key, &knowledge.cost()?.totals()),
        ("limits", "output-nsr") => {
            let judged = knowledge.outputs().iter().filter(|output| output.is_judged());
            let worst = judged.max_by(|a, b| a.error.nsr.total_cmp(&b.error.nsr))?;
            Some((
                format!("{}: {}", worst.name, percent(worst.error.nsr)),
                "quantization error of the worst output".to_string(),
            ))
        }
        ("limits", "layer-nsr") => {
            let config = &snapshot.project.config;
            let measured = knowledge.layers().iter().filter_map(|layer| Some((layer, layer.alone()?.nsr)));
            let measured: Vec<(&LayerView, f64)> = measured.collect();
            let over = measured.iter().filter(|(layer, nsr)| is_over(*nsr, config.limit_of(&layer.name))).count();
            let tooltip = "layers over this limit if quantized alone".to_string();
            (!measured.is_empty()).then(|| (format!("{over} of {} over", count(measured.len(), "layer")), tooltip))
        }
        _ => None,
    }
}

/// The figure of the file beside its limit.
fn of_limit(key: &str, totals: &Totals) -> Option<(String, String)> {
    Some(match key {
        "flash" => (size(totals.flash_bytes), "size of the file".to_string()),
        "ram" => (size(totals.ram_bytes), "values, copies of parameters and buffers of kernels".to_string()),
        _ => (totals.time?.milliseconds(), "estimated time of one run".to_string()),
    })
}

fn of_layer(layer: &LayerView, price: Option<&Change>) -> Option<(String, String)> {
    let figures = layer.figures.as_ref();
    let (graphwise, alone) = (figures.and_then(|f| f.graphwise), figures.and_then(|f| f.alone));
    let cumulative = graphwise.map(|error| format!("cumulative {}", short_percent(error.nsr)));
    let alone = alone
        .map(|error| format!("alone {}{}", if error.is_estimate { "about " } else { "" }, short_percent(error.nsr)));
    let price = price.map(Change::difference);
    let mut tooltip =
        "error at the outputs with this layer alone quantized, and cumulative error up to here".to_string();
    if price.is_some() {
        tooltip += "; flash and time that this line adds to the file";
    }
    let parts: Vec<String> = alone.into_iter().chain(cumulative).chain(price).collect();
    (!parts.is_empty()).then(|| (parts.join(", "), tooltip))
}

/// Returns the lenses above `[model]`: the error of the outputs, and what can be run.
pub fn lenses(snapshot: &Snapshot, abilities: Abilities) -> Vec<CodeLens> {
    let Some(model) = outline(&snapshot.project.text).into_iter().find(|section| section.name == "model") else {
        return Vec::new();
    };
    let range = snapshot.places().range(&model.header);
    let limit = snapshot.project.config.output_limit();
    let verdicts = snapshot.knowledge.outputs().iter().filter(|output| output.is_judged()).map(|output| {
        let mark = if output.fails(limit) { "✗" } else { "✓" };
        let error = percent(output.error.nsr);
        (
            format!("{mark} {}: {error} (limit {}){}", output.name, percent(limit), snapshot.knowledge.state()),
            commands::ANALYZE,
        )
    });
    /// Outputs with a lens of their own.
    const OUTPUTS: usize = 3;
    let run = [("Export".to_string(), commands::EXPORT), ("Smallest int16 set".to_string(), commands::SMALLEST_SET)];
    /// Commands of the editor, each with the URI.
    const OWN: [(&str, &str); 2] = [("Report", "espq.reportDocument"), ("Optimize", "espq.optimizeDocument")];
    let own = OWN.iter().filter(|_| abilities.has_commands).map(|(title, command)| ((*title).to_string(), *command));
    let lens = |(title, command): (String, &str)| CodeLens {
        range,
        command: Some(Command { title, command: command.to_string(), arguments: Some(vec![json!(snapshot.uri)]) }),
        data: None,
    };
    verdicts.take(OUTPUTS).chain(run).chain(own).map(lens).collect()
}
