//! Text form of an ESP-DL file's contents.

use super::cost;
use super::terminal::{Style, Terminal};
use crate::cost::{Held, Memory};
use crate::engine::inspect::{Fit, ModelSummary, NodeSummary, PackageSummary, Summary, TensorSummary, ValueSummary};
use crate::espdl::diff::Difference;
use crate::text::units::{count, number, size};

use super::table::{elide, width};

/// Options of the text form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Details {
    /// Every incompatibility, instead of the first of each target.
    pub reasons: bool,
    /// The cost of every layer.
    pub cost: bool,
}

/// Renders a summary.
pub fn text(title: &str, summary: &Summary, view: Details, out: &Terminal) -> String {
    let mut sections = Vec::new();
    if let Some(package) = &summary.package {
        sections.push(head(title, &self::package(package, summary.models.len()), out));
    }
    for model in &summary.models {
        let title = if summary.package.is_some() { model.name.as_str() } else { title };
        sections.push(head(title, &about(model), out));
        sections.extend(model_sections(model, view, out));
    }
    sections.join("\n")
}

fn head(title: &str, lines: &[String], out: &Terminal) -> String {
    let mut text = out.paint(Style::Title, &clean(title)) + "\n";
    for line in lines {
        text.push_str(&format!("  {}\n", clean(line)));
    }
    text
}

fn package(package: &PackageSummary, models: usize) -> Vec<String> {
    let version = package.version.as_ref().map(|v| format!(", version {v}")).unwrap_or_default();
    let digest = match package.digest_matches {
        Some(true) => ", SHA-256 matches",
        Some(false) => ", SHA-256 does NOT match: the package was changed or truncated",
        None => "",
    };
    vec![format!("{} package of {models} models{version}{digest}", package.format)]
}

fn about(model: &ModelSummary) -> Vec<String> {
    let encrypted = if model.encrypted { ", AES-128" } else { "" };
    let mut lines = vec![format!(
        "{} header{encrypted}, {}; IR version {}, model version {}",
        model.header,
        size(model.body_bytes as usize),
        model.ir_version,
        model.model_version
    )];
    let producer = [model.producer.as_str(), model.producer_version.as_str()].join(" ");
    if !producer.trim().is_empty() {
        lines.push(format!("written by {}", producer.trim()));
    }
    lines.extend(model.opsets.iter().map(|(domain, version)| format!("opset {domain} {version}")));
    lines.extend(model.metadata.iter().map(|(key, value)| format!("{key}: {value}")));
    lines
}

fn model_sections(model: &ModelSummary, view: Details, out: &Terminal) -> Vec<String> {
    let mut sections = vec![
        grid("Inputs", &VALUE, model.inputs.iter().map(value).collect(), out),
        grid("Outputs", &VALUE, model.outputs.iter().map(value).collect(), out),
        grid("Nodes, in the order in which they run", &NODE, model.nodes.iter().map(node).collect(), out),
        grid("Weights", &TENSOR, model.weights.iter().map(tensor).collect(), out),
        grid("Values", &VALUE, model.values.iter().map(value).collect(), out),
        grid("Test inputs", &TENSOR, model.test_inputs.iter().map(tensor).collect(), out),
        grid("Test outputs", &TENSOR, model.test_outputs.iter().map(tensor).collect(), out),
        memory(&model.memory, out),
    ];
    for found in &model.costs {
        sections.extend(view.cost.then(|| cost::by_layer(found, None, out)));
        sections.push(cost::totals(found, out));
    }
    sections.push(fits(&model.fits, view.reasons, out));
    sections.retain(|s| !s.is_empty());
    sections
}

const VALUE: [&str; 6] = ["", "type", "shape", "scale", "range", "bytes"];
const NODE: [&str; 4] = ["", "operator", "kernel", "inputs -> outputs"];
const TENSOR: [&str; 7] = ["", "type", "shape", "layout", "scale", "range", "bytes"];

fn value(v: &ValueSummary) -> Vec<String> {
    let dims = v.dims.as_ref().map_or("?".to_string(), |d| d.join("x"));
    let bytes = v.bytes.map(size).unwrap_or_default();
    vec![v.name.clone(), v.data_type.to_string(), dims, scale(&v.exponents), range(v.range), bytes]
}

fn node(n: &NodeSummary) -> Vec<String> {
    let attribute = |name: &str| n.attributes.get(name).and_then(|v| v.as_str());
    let activation = attribute("activation").filter(|a| *a != "Linear").map(|a| format!(" + {a}"));
    let table = attribute("lut").map(|_| " by table");
    let kernel = attribute("quant_type").unwrap_or_default().to_string();
    let operator = n.op.clone() + &activation.unwrap_or_default() + table.unwrap_or_default();
    vec![n.name.clone(), operator, kernel, format!("{} -> {}", n.inputs.join(", "), n.outputs.join(", "))]
}

fn tensor(t: &TensorSummary) -> Vec<String> {
    let dims: Vec<String> = t.dims.iter().map(usize::to_string).collect();
    vec![
        t.name.clone(),
        t.data_type.to_string(),
        dims.join("x"),
        t.layout.clone().unwrap_or_default(),
        scale(&t.exponents),
        range(t.range),
        size(t.bytes),
    ]
}

/// Formats the value of one step; if exponents are per channel, from the finest to the coarsest.
fn scale(exponents: &[i64]) -> String {
    match (exponents.iter().min(), exponents.iter().max()) {
        (Some(low), Some(high)) if exponents.len() > 1 => format!("2^{low}..{high} ({} channels)", exponents.len()),
        (Some(one), _) => format!("2^{one}"),
        _ => "none".to_string(),
    }
}

/// Significant digits of a range.
const DIGITS: i32 = 4;

fn range(range: Option<(f64, f64)>) -> String {
    range.map_or(String::new(), |(low, high)| format!("{}..{}", number(low, DIGITS), number(high, DIGITS)))
}

fn memory(memory: &Memory, out: &Terminal) -> String {
    let title = out.paint(Style::Title, "Memory");
    let at = if memory.peak_node.is_empty() { String::new() } else { format!(", at {}", clean(&memory.peak_node)) };
    let [weights, arena, live] = [memory.weight_bytes, memory.peak_bytes, memory.live_bytes].map(size);
    let held: String = memory.at_peak.iter().map(|held| self::held(held) + "\n").collect();
    format!("{title}\n  weights {weights}; arena of values {arena}{at}, of which {live} are needed at once\n{held}")
}

/// "    0  200.0 KiB  /stem/Conv, in the same memory: /act/Relu"
fn held(held: &Held) -> String {
    let shared = match held.shared_by.as_slice() {
        [] => String::new(),
        names => format!(", in the same memory: {}", names.join(", ")),
    };
    clean(&format!("    at {:>8}  {:>10}  {}{shared}", held.offset, size(held.bytes), held.name))
}

fn fits(fits: &[Fit], reasons: bool, out: &Terminal) -> String {
    let mut text = out.paint(Style::Title, "Compatible with ESP-DL 3.3.9 on") + "\n";
    let names = fits.iter().map(|f| width(&f.targets.join(", "))).max().unwrap_or(0);
    for fit in fits {
        let (style, verdict) = match fit.incompatibilities.as_slice() {
            [] => (Style::Good, "yes".to_string()),
            [first, rest @ ..] if !reasons => {
                let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
                (Style::Bad, format!("no: {}{more}", reason(&first.node, &first.what)))
            }
            all => (Style::Bad, format!("no ({} reasons)", all.len())),
        };
        let name = format!("{:names$}", fit.targets.join(", "));
        text.push_str(&format!("  {}  {}\n", out.paint(style, &name), clean(&verdict)));
        if reasons {
            for incompatibility in &fit.incompatibilities {
                text.push_str(&format!("    {}\n", clean(&reason(&incompatibility.node, &incompatibility.what))));
                text.push_str(&out.paint(Style::Dim, &format!("      {}\n", incompatibility.help)));
            }
        }
    }
    text
}

fn reason(node: &str, what: &str) -> String {
    if node.is_empty() { what.to_string() } else { format!("{node}: {what}") }
}

/// Renders one line per difference of two files.
pub fn differences(found: &[Difference], out: &Terminal) -> String {
    if found.is_empty() {
        return "no difference in what the chip reads\n".to_string();
    }
    let rows = found.iter().map(|d| vec![d.place.clone(), d.left.clone(), d.right.clone()]).collect();
    grid(&count(found.len(), "difference"), &["", "first", "second"], rows, out)
}

/// Renders columns under their titles; nothing if there are no rows. On a narrow terminal, names are shortened first,
/// then lines are cut.
fn grid(title: &str, columns: &[&str], rows: Vec<Vec<String>>, out: &Terminal) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let widest = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|c| width(c)).max().unwrap_or(0);
    let mut widths: Vec<usize> = columns.iter().enumerate().map(|(i, c)| widest(i).max(width(c))).collect();
    if let (Some(room), Some(names)) = (out.width, widths.first_mut()) {
        *names = (*names).min((room / 3).max(16));
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, &room) in cells.zip(&widths) {
            let cell = elide(cell, room);
            line.push_str(&format!("  {cell}{}", " ".repeat(room.saturating_sub(width(&cell)))));
        }
        cut(line.trim_end(), out)
    };
    let mut text = out.paint(Style::Title, title) + "\n";
    text.push_str(&(out.paint(Style::Dim, &line(&mut columns.iter().copied())) + "\n"));
    for row in &rows {
        text.push_str(&(line(&mut row.iter().map(String::as_str)) + "\n"));
    }
    text
}

fn cut(line: &str, out: &Terminal) -> String {
    match out.width {
        Some(room) if width(line) > room => line.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        _ => line.to_string(),
    }
}

/// Escapes characters that would move the cursor: names come from the file.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
