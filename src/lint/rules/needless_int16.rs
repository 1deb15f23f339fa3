//! E013

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, Safety, own_line};
use crate::text::Edit;
use crate::text::units::{kilobytes, milliseconds, percent};

rule! {
    /// ## What it does
    /// Reports lines of `[precision]` that give a layer 16 bits and lower the error of the outputs by less than a hundredth of it. Each
    /// layer is measured back at the precision of all, one by one.
    ///
    /// ## Why is this bad?
    /// 16 bits double the layer's weights and take more time. Lines pile up while one searches for the layer that matters.
    ///
    /// ## Example
    /// ```text
    /// int16 for layer /stem/Conv buys nothing: output error 3.21% with it, 3.2% without, -0.4 KB flash
    /// ```
    ///
    /// ## What to do
    /// Remove the line, which its fix does, and run again: of two layers that make up for each other only one may be needed.
    E013, "needless-int16", Info, Figures
}

/// Share of the error below which a gain is none.
const NONE: f64 = 0.01;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(trials) = facts.trials else { return };
    let lines = &facts.project.config.precision;
    for (layer, trial) in &trials.undone {
        let Some(line) = lines.iter().find(|line| line.layer.value == *layer) else { continue };
        let gain = trial.after - trial.before;
        if gain.is_nan() || gain >= NONE * trial.before {
            continue;
        }
        let latency = trial.latency.map(|latency| format!(", {}", milliseconds(latency))).unwrap_or_default();
        let (with, without, flash) = (percent(trial.before), percent(trial.after), kilobytes(trial.flash));
        let effect = format!("output error {with} with it, {without} without, {flash} flash{latency}");
        let message = format!("int16 for layer {layer} buys nothing: {effect}");
        let mut finding = Finding::new(&RULE, line.layer.span.clone(), message).about(layer);
        if let Some(span) = own_line(&facts.project.text, line.layer.span.start..line.choice.span.end) {
            let edits = vec![Edit { span, text: String::new() }];
            let title = format!("Set `{layer}` back: output error {with} -> {without}, {flash} flash{latency}");
            finding.fixes.push(Fix { title, kind: FixKind::Settings, safety: Safety::Unsafe, edits });
        }
        findings.push(finding);
    }
}
