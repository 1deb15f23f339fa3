//! Differences of two reports as text, and as a page.

use crate::analysis::{Changes, LayerChange, LayerFigures, OutputChange, Verdict};
use crate::text::units::{and_more, count, percent};

use super::terminal::{Style, Terminal};

/// Layers in the text form.
const SHOWN: usize = 20;
/// Names of added and removed layers.
const NAMED: usize = 5;

/// Renders differences: outputs with a verdict, then layers, the largest change first.
pub fn changes(changes: &Changes, terminal: &Terminal) -> String {
    let mut text = terminal.paint(Style::Title, "Outputs") + "\n";
    for change in &changes.outputs {
        let style = match change.verdict {
            Verdict::Better => Style::Good,
            Verdict::Worse => Style::Bad,
            Verdict::Within | Verdict::Same | Verdict::Other => Style::Dim,
        };
        text += &format!("  {}  {}: {}\n", change.name, both(change), terminal.paint(style, &words(change)));
    }
    if !changes.layers.is_empty() {
        let title = format!("{} with other figures", count(changes.layers.len(), "layer"));
        text += &format!("\n{}\n", terminal.paint(Style::Title, &title));
        for change in changes.layers.iter().take(SHOWN) {
            text += &format!("  {}  {}\n", change.name, layer(change));
        }
        let hidden = changes.layers.len().saturating_sub(SHOWN);
        if hidden > 0 {
            text += &terminal.paint(Style::Dim, &format!("  ... and {hidden} more, all with smaller changes\n"));
        }
    }
    for (what, names) in [("Only in the second", &changes.added), ("Only in the first", &changes.removed)] {
        if !names.is_empty() {
            text += &format!("\n{what}: {}\n", and_more(names, NAMED));
        }
    }
    text
}

/// "25.6% -> 9.12%"
fn both(change: &OutputChange) -> String {
    let shown = |nsr: Option<f64>| nsr.map_or("absent".to_string(), percent);
    format!("{} -> {}", shown(change.before), shown(change.after))
}

fn words(change: &OutputChange) -> String {
    match change.verdict {
        Verdict::Better => "better".to_string(),
        Verdict::Worse => "worse".to_string(),
        Verdict::Within => format!("within the standard error of {}", percent(change.standard_error)),
        Verdict::Same => "unchanged".to_string(),
        Verdict::Other => "in one of the reports only".to_string(),
    }
}

/// "int8 -> int16, cumulative 7.1% -> 0.4%, alone 2.2% -> 0.1%, exponent -4 -> -11"
fn layer(LayerChange { before, after, .. }: &LayerChange) -> String {
    let mut parts = Vec::new();
    if before.scheme != after.scheme {
        parts.push(format!("{} -> {}", before.scheme, after.scheme));
    }
    for (what, of) in [("cumulative", graphwise as fn(&LayerFigures) -> Option<f64>), ("alone", layerwise)] {
        if let (Some(old), Some(new)) = (of(before), of(after))
            && old != new
        {
            parts.push(format!("{what} {} -> {}", percent(old), percent(new)));
        }
    }
    if before.exponents != after.exponents {
        parts.push(format!("exponent {} -> {}", exponents(&before.exponents), exponents(&after.exponents)));
    }
    parts.join(", ")
}

fn graphwise(figures: &LayerFigures) -> Option<f64> {
    figures.graphwise
}

fn layerwise(figures: &LayerFigures) -> Option<f64> {
    figures.layerwise
}

fn exponents(exponents: &[i64]) -> String {
    match (exponents.iter().min(), exponents.iter().max()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        _ => "none".to_string(),
    }
}
