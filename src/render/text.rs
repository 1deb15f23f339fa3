//! The report as a person reads it.

use super::terminal::{Style, Terminal};
use crate::analysis::{Layer, OutputError, Report, is_over};
use crate::chip::{Method, Scheme};
use crate::text::units::{count, percent, percent_column};

use super::statistics::statistics;
use super::table::{Row, bars};

/// Choice of the parts of a report that are shown, and their form.
pub struct View {
    /// Width and colours.
    pub terminal: Terminal,
    /// The statistics of every layer are shown, too.
    pub statistics: bool,
    /// At most so many rows in each error table.
    pub top: Option<usize>,
    /// Shares of the signal's power.
    pub output_limit: f64,
    /// Limit on layerwise error, as a share of the signal's power.
    pub layer_limit: f64,
}

/// Renders a report: the tables, the verdict on each output, and notes.
pub fn text(report: &Report, view: &View) -> String {
    let mut sections = vec![head(report, view)];
    let samples = count(report.analysis_samples, "sample");
    sections.extend(table(
        report,
        view,
        &format!("Graphwise error, gathered up to each layer ({samples})"),
        view.output_limit,
        |l| l.graphwise.map(|e| e.nsr),
    ));
    sections.extend(table(
        report,
        view,
        &format!("Layerwise error at the outputs, one layer quantized alone ({samples})"),
        view.layer_limit,
        |l| l.layerwise.map(|e| e.nsr),
    ));
    if view.statistics {
        let title = view.terminal.paint(Style::Title, "Statistics of what each layer puts out in float");
        sections.push(format!("{title}\n{}", statistics(report, &view.terminal)));
    }
    if !report.notes.is_empty() {
        sections.push(notes(report, view));
    }
    sections.push(outputs(report, view));
    sections.push(took(report, view));
    sections.join("\n")
}

fn head(report: &Report, view: &View) -> String {
    let settings = &report.settings;
    let method = match (settings.scheme, settings.method) {
        (Scheme::Float, _) => String::new(),
        (_, Some(method)) => format!(", {method}"),
        (Scheme::Int8, None) => format!(", {}", Method::Kl),
        (Scheme::Int16 | Scheme::W8A16, None) => format!(", {}", Method::MinMax),
    };
    let other = report.layers.iter().filter(|l| settings.layer_schemes.contains_key(&l.name)).count();
    let other = if other > 0 { format!(" ({} set apart)", count(other, "layer")) } else { String::new() };
    let model = view.terminal.paint(Style::Title, &report.model);
    let samples = count(report.calibration_samples, "sample");
    format!("{model}  {}{other} on {}{method}, calibrated with {samples}\n", settings.scheme, settings.target)
}

/// One error table, where any layer has its figure.
fn table(report: &Report, view: &View, title: &str, limit: f64, nsr: impl Fn(&Layer) -> Option<f64>) -> Option<String> {
    let row = |layer| Some((layer, nsr(layer)?));
    let layers: Vec<(&Layer, f64)> = report.layers.iter().filter_map(row).collect();
    if layers.is_empty() {
        return None;
    }
    // Only what differs from the model's precision is worth a word on every line, and the module of a name that says nothing.
    let note = |layer: &Layer| {
        let scheme = (layer.scheme != report.settings.scheme).then(|| layer.scheme.name().to_string());
        scheme.into_iter().chain(layer.module.clone()).collect::<Vec<_>>().join(", ")
    };
    let notes: Vec<String> = layers.iter().map(|(layer, _)| note(layer)).collect();
    let rows = layers.iter().zip(&notes).map(|(&(layer, nsr), note)| Row { name: &layer.name, nsr, note }).collect();
    let title = view.terminal.paint(Style::Title, title);
    Some(format!("{title}\n{}", bars(rows, limit, view.top, &view.terminal)))
}

fn notes(report: &Report, view: &View) -> String {
    let lines: String = report.notes.iter().map(|note| format!("  - {note}\n")).collect();
    format!("{}\n{lines}", view.terminal.paint(Style::Title, "Notes"))
}

fn outputs(report: &Report, view: &View) -> String {
    let verdicts: String = report.outputs.iter().map(|o| verdict(o, view)).collect();
    let over = report.outputs.iter().any(|o| !within(o, view));
    let advice = if over { advice(report, view) } else { String::new() };
    format!("{}\n{verdicts}{advice}", view.terminal.paint(Style::Title, "Outputs"))
}

fn within(output: &OutputError, view: &View) -> bool {
    !is_over(output.error.nsr, view.output_limit)
}

fn verdict(output: &OutputError, view: &View) -> String {
    let error = output.error;
    let limit = percent(view.output_limit);
    let paint = |style, text: &str| view.terminal.paint(style, text);
    let figures = format!("NSR {}, cosine {:.5}", percent_column(error.nsr), error.cosine);
    match within(output, view) {
        true => {
            let words = paint(Style::Good, &format!("within the limit of {limit}"));
            format!("  {} {}  {figures}: {words}\n", paint(Style::Good, "✓"), output.name)
        }
        false if error.nsr.is_finite() => {
            let words = paint(Style::Bad, &format!("over the limit of {limit}"));
            format!("  {} {}  {figures}: {words}\n", paint(Style::Bad, "✗"), output.name)
        }
        false => {
            let words = paint(Style::Bad, "the error is not finite: a network's output overflows");
            format!("  {} {}  {words}\n", paint(Style::Bad, "✗"), output.name)
        }
    }
}

/// The layers that lose most, and what to try.
fn advice(report: &Report, view: &View) -> String {
    const NAMED: usize = 3;
    let mut layers: Vec<(&str, f64)> = report
        .layers
        .iter()
        .filter(|l| l.scheme == Scheme::Int8)
        .filter_map(|l| Some((l.name.as_str(), l.layerwise?.nsr)))
        .filter(|(_, nsr)| is_over(*nsr, view.layer_limit))
        .collect();
    layers.sort_by(|a, b| b.1.total_cmp(&a.1));
    if layers.is_empty() {
        return String::new();
    }
    let lines: String = layers.iter().take(NAMED).map(|(name, _)| format!("      \"{name}\" = \"int16\"\n")).collect();
    let which = match layers.len() {
        1 => "the one layer over its limit".to_string(),
        n if n <= NAMED => format!("the {n} layers over their limit"),
        n => format!("the worst {NAMED} of {n} layers over their limit"),
    };
    format!("    Try {which} at 16 bits:\n      [precision]\n{lines}")
}

fn took(report: &Report, view: &View) -> String {
    let s = report.seconds;
    let mut phases =
        vec![("load", s.load), ("calibrate", s.calibrate), ("graphwise", s.graphwise), ("layerwise", s.layerwise)];
    if s.statistics > 0.0 {
        phases.push(("statistics", s.statistics));
    }
    let sum: f64 = phases.iter().map(|(_, s)| s).sum();
    let phases: Vec<String> = phases.iter().map(|(name, s)| format!("{name} {s:.2}")).collect();
    view.terminal.paint(Style::Dim, &format!("{sum:.2} s: {}", phases.join(", "))) + "\n"
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
