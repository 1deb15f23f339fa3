//! Text form of a report.

use std::sync::Arc;

use super::terminal::{Style, Terminal};
use crate::analysis::{
    Agreement, Before, ErrorFigures, Layer, Observers, OnChip, OutputError, Report, Spread, TriedObserver, is_over,
};
use crate::chip::{Incompatibility, Method, Scheme};
use crate::cost::Cost;
use crate::engine::Profile;
use crate::lint::{Measure, ObserverAdvice, Trial, Trials, candidates, decisive_error};
use crate::order;
use crate::text::units::{and_more, count, kilobytes, milliseconds, percent, percent_column};
use crate::text::visible;

use super::cost;
use super::profile::profile;
use super::statistics::statistics;
use super::table::{Row, bars};

/// Options of the text form.
pub struct View<'a> {
    /// Width and colours.
    pub terminal: Terminal,
    /// Show statistics of every layer.
    pub statistics: bool,
    /// Show the cost of every layer.
    pub cost: bool,
    /// Maximum number of rows in each table.
    pub top: Option<usize>,
    /// Limit on the error of an output, as a share of the signal's power.
    pub output_limit: f64,
    /// Limits on layerwise error, as shares of the signal's power.
    pub layer_limits: &'a dyn Fn(&str) -> f64,
    /// Measured fixes, if a linter or an editor has tried them.
    pub trials: Option<Arc<Trials>>,
    /// Measurements of a board beside the estimates, if there is a log.
    pub profile: Option<Profile>,
}

/// Renders a report: the tables, the verdict on each output, notes, and the cost of the file if it is known.
pub fn text(report: &Report, cost: Option<&Cost>, view: &View) -> String {
    let mut sections = vec![head(report, view)];
    let samples = count(report.analysis_samples, "sample");
    sections.extend(table(
        report,
        view,
        &format!("Graphwise error, cumulative up to each layer ({samples})"),
        &|_| view.output_limit,
        |l| l.graphwise.map(|e| e.nsr),
    ));
    sections.extend(table(
        report,
        view,
        &format!("Layerwise error at the outputs, with one layer quantized ({samples})"),
        view.layer_limits,
        |l| l.layerwise.map(|e| e.nsr),
    ));
    if view.statistics {
        let title = view.terminal.paint(Style::Title, "Statistics of each layer's output in float");
        sections.push(format!("{title}\n{}", statistics(report, view.top, &view.terminal)));
    }
    if let Some(cost) = cost.filter(|_| view.cost) {
        sections.push(cost::by_layer(cost, view.top, &view.terminal));
    }
    if !report.notes.is_empty() {
        sections.push(notes(report, view));
    }
    sections.extend(report.observers.as_ref().and_then(|observers| by_observer(report, observers, view)));
    sections.extend(view.trials.as_ref().and_then(|trials| trade_offs(trials, view)));
    sections.push(outputs(report, view));
    sections.extend(super::detection::text(report, view));
    sections.extend(report.accuracy.as_ref().map(|accuracy| super::accuracy(accuracy, &view.terminal)));
    sections.extend(on_chip(report, view));
    sections.extend(cost.map(|cost| cost::totals(cost, &view.terminal)));
    sections.extend(view.profile.as_ref().map(|found| profile(found, view.top, &view.terminal)));
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
    let other = if other > 0 { format!(" ({} overridden)", count(other, "layer")) } else { String::new() };
    let model = view.terminal.paint(Style::Title, &visible(&report.model));
    let samples = count(report.calibration_samples, "sample");
    format!("{model}  {}{other} on {}{method}, calibrated with {samples}\n", settings.scheme, settings.target)
}

/// Renders one error table, if any layer has the figure.
fn table<'r>(
    report: &'r Report,
    view: &View,
    title: &str,
    limit: &dyn Fn(&str) -> f64,
    nsr: impl Fn(&Layer) -> Option<f64>,
) -> Option<String> {
    let row = |layer| Some((layer, nsr(layer)?));
    let layers: Vec<(&Layer, f64)> = report.layers.iter().filter_map(row).collect();
    if layers.is_empty() {
        return None;
    }
    // Only a precision other than the model's is shown, and the module of a generated name.
    let note = |layer: &Layer| {
        let scheme = (layer.scheme != report.settings.scheme).then(|| layer.scheme.name().to_string());
        visible(&scheme.into_iter().chain(layer.module.clone()).collect::<Vec<_>>().join(", ")).into_owned()
    };
    let notes: Vec<String> = layers.iter().map(|(layer, _)| note(layer)).collect();
    let row = |(index, &(layer, nsr)): (usize, &(&'r Layer, f64))| Row {
        name: &layer.name,
        nsr,
        is_over: is_over(nsr, limit(&layer.name)),
        note: &notes[index],
    };
    let rows = layers.iter().enumerate().map(row).collect();
    let title = view.terminal.paint(Style::Title, title);
    Some(format!("{title}\n{}", bars(rows, view.top, &view.terminal)))
}

fn notes(report: &Report, view: &View) -> String {
    let lines: String = report.notes.iter().map(|note| format!("  - {}\n", visible(&note.to_string()))).collect();
    format!("{}\n{lines}", view.terminal.paint(Style::Title, "Notes"))
}

fn outputs(report: &Report, view: &View) -> String {
    let ran = report.on_chip.as_ref().and_then(OnChip::ran);
    let on_chip = |index: usize| ran.and_then(|ran| ran.outputs.get(index)).map(|error| error.nsr);
    let decisions = |index: usize| ran.and_then(|ran| ran.agreement.get(index).copied().flatten());
    let verdicts: String = report
        .outputs
        .iter()
        .enumerate()
        .map(|(index, o)| verdict(o, on_chip(index), view) + &agreement(o, decisions(index)))
        .collect();
    let advice: String = advice(report, view).iter().map(|line| format!("    {line}\n")).collect();
    format!("{}\n{verdicts}{advice}", view.terminal.paint(Style::Title, "Outputs"))
}

/// Sets of int16 layers by their cost, with the error of the worst output, measured or estimated.
fn trade_offs(trials: &Trials, view: &View) -> Option<String> {
    const NAMED: usize = 2;
    let width = if trials.trade_offs.iter().any(|trial| trial.is_estimate) { 12 } else { 8 };
    let line = |trial: &Trial| {
        let layers = visible(&and_more(&trial.layers, NAMED)).into_owned();
        let error = format!("{}{}", if trial.is_estimate { "about " } else { "" }, percent(trial.after));
        let flash = kilobytes(trial.flash);
        let time = trial.latency.map(|time| format!("{:>9}  ", milliseconds(time))).unwrap_or_default();
        format!("  {error:>width$}  {flash:>9}  {time}{:<9}  {layers}\n", count(trial.layers.len(), "layer"))
    };
    let lines: String = trials.trade_offs.iter().map(line).collect();
    let before = percent(trials.trade_offs.first()?.before);
    let by = if trials.trade_offs.iter().any(|trial| trial.latency.is_some()) { "flash and time" } else { "flash" };
    let title = format!("int16 by {by}: error of the worst output, {before} without");
    Some(format!("{}\n{lines}", view.terminal.paint(Style::Title, &title)))
}

/// The error with each observer, where espq has chosen one or another is better than the one that is set.
fn by_observer(report: &Report, observers: &Observers, view: &View) -> Option<String> {
    let advice = ObserverAdvice::of(report, observers);
    if advice.is_none() && report.settings.method.is_none_or(|method| method != observers.best) {
        return None;
    }
    let samples = count(report.analysis_samples, "sample");
    let title = format!("Observers by {} ({samples})", decisive_error(report));
    let mut tried: Vec<&TriedObserver> = observers.tried.iter().collect();
    order::sort_by(&mut tried, |a, b| a.error.mean.total_cmp(&b.error.mean));
    let in_use = report.settings.method_of("");
    let line = |tried: &&TriedObserver| {
        let mark = if tried.method == in_use { "  in use" } else { "" };
        format!("  {:<10} {:>18}{mark}\n", tried.method, with_error(tried.error))
    };
    let lines: String = tried.iter().map(line).collect();
    let advice = advice.map(|advice| format!("    {}\n", advice.title())).unwrap_or_default();
    Some(format!("{}\n{lines}{advice}", view.terminal.paint(Style::Title, &title)))
}

/// "1.950% ± 0.212%"
fn with_error(spread: Spread) -> String {
    format!("{} ± {}", percent_column(spread.mean), percent_column(spread.standard_error))
}

fn within(output: &OutputError, view: &View) -> bool {
    !output.fails(view.output_limit)
}

/// Layers that the chip does not run as the simulation does.
fn on_chip(report: &Report, view: &View) -> Option<String> {
    let line = |Incompatibility { node, what, help }: Incompatibility| {
        let layer = if node.is_empty() { "the file" } else { &node };
        let line = format!("{layer}, on the chip: {what}; {help}");
        format!("  {} {}\n", view.terminal.paint(Style::Bad, "✗"), visible(&line))
    };
    let lines: String = report.on_chip.as_ref()?.reasons().into_iter().map(line).collect();
    let title = format!("Not exported: {} does not run the model as it is simulated", report.settings.target);
    (!lines.is_empty()).then(|| format!("{}\n{lines}", view.terminal.paint(Style::Title, &title)))
}

fn verdict(output: &OutputError, on_chip: Option<f64>, view: &View) -> String {
    let name = visible(&output.name);
    if let Some(equal) = output.equal {
        let dot = view.terminal.paint(Style::Good, "✓");
        return format!("  {dot} {name}  {} of its elements are equal\n", percent(equal));
    }
    let error = output.error;
    let limit = percent(view.output_limit);
    let paint = |style, text: &str| view.terminal.paint(style, text);
    let on_chip = on_chip.map(|nsr| format!(" (on the chip {})", percent_column(nsr).trim_start())).unwrap_or_default();
    let spread = Spread { mean: error.nsr, standard_error: output.standard_error };
    let figures = format!("NSR {}{on_chip}, cosine {:.5}", with_error(spread), error.cosine);
    let before = output.before.as_ref().map(|before| before_end(before, error)).unwrap_or_default();
    let line = match within(output, view) {
        true => {
            let words = paint(Style::Good, &format!("within the limit of {limit}"));
            format!("  {} {}  {figures}: {words}\n", paint(Style::Good, "✓"), name)
        }
        false if error.is_lost() && error.is_tiny() => {
            let words = paint(Style::Bad, "nothing is left of it: its values are too small for a ratio to show it");
            format!("  {} {}  {figures}: {words}\n", paint(Style::Bad, "✗"), name)
        }
        false if error.nsr.is_finite() => {
            let words = paint(Style::Bad, &format!("exceeds the limit of {limit}"));
            format!("  {} {}  {figures}: {words}\n", paint(Style::Bad, "✗"), name)
        }
        false => {
            let words = paint(Style::Bad, "the error is not finite: a network's output overflows");
            format!("  {} {}  {words}\n", paint(Style::Bad, "✗"), name)
        }
    };
    line + &before
}

/// Share of a classifier's decisions that stay, with the interval that the number of samples allows.
fn agreement(output: &OutputError, on_chip: Option<Agreement>) -> String {
    let Some(simulated) = output.agreement else { return String::new() };
    let Agreement { kept, of } = simulated;
    let [low, high] = simulated.interval().map(|share| format!("{:.0}%", share * 100.0));
    let on_chip = on_chip.map(|chip| format!(", on the chip for {} of {}", chip.kept, chip.of)).unwrap_or_default();
    format!(
        "      the class is that in float for {kept} of {}{on_chip}: {low} to {high} of all data, at 95%\n",
        count(of, "sample")
    )
}

/// The error before the Softmax or Sigmoid at the end, and why it is another.
fn before_end(before: &Before, after: ErrorFigures) -> String {
    let spread = Spread { mean: before.error.nsr, standard_error: before.standard_error };
    let why = match before.error.nsr > after.nsr {
        true => format!(
            "where the values in front of the {} are near 0, their ratio is large, and its result hardly changes",
            before.op
        ),
        false => format!("the {} flattens most values, so that a few samples decide the ratio after it", before.op),
    };
    format!("      NSR {} before its {}, by which settings are compared: {why}\n", with_error(spread), before.op)
}

/// Names the layers over their limit: with the effect of int16 if it was measured, else with the command that measures it.
pub(super) fn advice(report: &Report, view: &View) -> Vec<String> {
    const NAMED: usize = 3;
    if report.outputs.iter().all(|output| within(output, view)) {
        return Vec::new();
    }
    let mut layers: Vec<(&str, f64)> = candidates(report);
    layers.retain(|(name, nsr)| is_over(*nsr, (view.layer_limits)(name)));
    let mut lines = Vec::new();
    if let Some(trials) = &view.trials {
        lines.extend(trials.widened.as_ref().and_then(|trial| Measure::Widen.words(trial)));
        let joint = |(name, trial): &(String, Trial)| Measure::Joint { name: name.clone() }.words(trial);
        lines.extend(trials.joints.iter().filter_map(joint));
        lines.extend(trials.outputs.as_ref().and_then(|trial| Measure::SmallestSet.words(trial)));
        let mut alone: Vec<(&String, &Trial)> =
            trials.layers.iter().filter_map(|(name, trial)| Some((name, trial.as_ref()?))).collect();
        order::sort_by(&mut alone, |a, b| a.1.after.total_cmp(&b.1.after));
        let set =
            |(name, trial): (&String, &Trial)| Measure::Layer { name: name.clone(), scheme: trial.scheme }.words(trial);
        lines.extend(alone.into_iter().filter_map(set).take(NAMED));
        if lines.is_empty() && !trials.layers.is_empty() {
            lines.push("int16 for no layer over its limit lowers the error of the outputs".to_string());
        }
    } else if !layers.is_empty() {
        let names: Vec<&str> = layers.iter().take(NAMED).map(|(name, _)| *name).collect();
        let which = match layers.len() {
            n if n <= NAMED => format!("Over their limit: {}", names.join(", ")),
            n => format!("{n} layers are over their limit, the worst are {}", names.join(", ")),
        };
        lines.push(format!("{which}; `espq lint` measures the effect of int16"));
    }
    lines
}

fn took(report: &Report, view: &View) -> String {
    let s = report.seconds;
    let mut phases =
        vec![("load", s.load), ("calibrate", s.calibrate), ("graphwise", s.graphwise), ("layerwise", s.layerwise)];
    if s.statistics > 0.0 {
        phases.push(("statistics", s.statistics));
    }
    if s.chip > 0.0 {
        phases.push(("on the chip", s.chip));
    }
    if s.observers > 0.0005 {
        phases.push(("observers", s.observers));
    }
    if s.accuracy > 0.0005 {
        phases.push(("accuracy", s.accuracy));
    }
    let sum: f64 = phases.iter().map(|(_, s)| s).sum();
    let phases: Vec<String> = phases.iter().map(|(name, s)| format!("{name} {s:.2}")).collect();
    view.terminal.paint(Style::Dim, &format!("{sum:.2} s: {}", phases.join(", "))) + "\n"
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
