//! C010

use std::fmt::Debug;

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, Safety, own_line};
use crate::project::{LayerChoice, Observer, Value};
use crate::text::{Edit, Span};

rule! {
    /// ## What it does
    /// Reports lines that change nothing: a layer in `[precision]` or `[calibration.methods]` with the value that all layers
    /// have, a limit of 100% or more, which no error exceeds, and a limit or a key of `[accuracy]` without labels. A limit of 0.5 or
    /// more without a percent sign is reported, too.
    ///
    /// ## Why is this bad?
    /// The line looks like a decision. A limit of `1` is often meant as 1%, one of `0.5` as 0.5%: then nothing is reported any more.
    ///
    /// ## Example
    /// ```toml
    /// [model]
    /// precision = "int8"
    ///
    /// [precision]
    /// "/stem/Conv" = "int8"    # every layer is int8
    ///
    /// [limits]
    /// layer-nsr = 1            # 100%
    /// ```
    ///
    /// ## What to do
    /// Remove the line, which `--fix` does, or write the value that was meant: `layer-nsr = "1%"`.
    C010, "no-effect", Warning, Text
}

const LOSS: &str = "limits.accuracy-loss";
/// Least share that is reported if it is a number without a percent sign.
const SUSPICIOUS: f64 = 0.5;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let config = &facts.project.config;
    // A file of scales, and a model with trained ones, has precisions of its own, and a layer's line may undo one of them.
    let is_trained = facts.model().is_some_and(|model| model.graph.has_scales());
    if config.model.quantization.is_none() && !(is_trained && config.model.precision.is_none()) {
        let whole = config.precision();
        equal(facts, &config.precision, &whole, findings);
    }
    if let Some(Observer::Fixed(method)) = config.calibration.method.as_ref().map(|method| method.value) {
        equal(facts, &config.calibration.methods, &method, findings);
    }
    let limits = &config.limits;
    // Without labels, the key is reported for that.
    let loss = limits.accuracy_loss.as_ref().filter(|_| config.accuracy.labels.is_some());
    let of_all = [
        ("limits.output-nsr", limits.output_nsr.as_ref()),
        ("limits.layer-nsr", limits.layer_nsr.as_ref()),
        (LOSS, loss),
    ];
    for (key, share) in of_all {
        if let Some(share) = share {
            limit(facts, key, share.value.0, &share.span, findings);
        }
    }
    for line in &limits.layers {
        let key = format!("limits.layers.\"{}\"", line.layer.value);
        limit(facts, &key, line.choice.value.0, &line.choice.span, findings);
    }
    unlabelled(facts, findings);
}

/// Reports keys about accuracy where nothing says which labels or program to use.
fn unlabelled(facts: &Facts, findings: &mut Vec<Finding>) {
    let (accuracy, limit) = (&facts.project.config.accuracy, &facts.project.config.limits.accuracy_loss);
    let is_judged = accuracy.labels.is_some() || accuracy.command.is_some();
    let spans = [
        ("accuracy.data", accuracy.data.as_ref().map(|given| &given.span), is_judged),
        ("accuracy.samples", accuracy.samples.as_ref().map(|given| &given.span), is_judged),
        ("accuracy.classes", accuracy.classes.as_ref().map(|given| &given.span), accuracy.labels.is_some()),
        ("accuracy.output", accuracy.output.as_ref().map(|given| &given.span), accuracy.labels.is_some()),
        (LOSS, limit.as_ref().map(|given| &given.span), accuracy.labels.is_some()),
    ];
    for (key, span, _) in spans.into_iter().filter(|(_, _, has_effect)| !has_effect) {
        let Some(span) = span else { continue };
        let message = format!("`{key}` has no effect without `accuracy.labels`");
        let help = "add labels = \"folders\", a .csv or .npy file, or the name of an array, under [accuracy]";
        findings.push(Finding::new(&RULE, span.clone(), message).with_help(help));
    }
}

/// Reports lines of layers that have the value of all layers.
fn equal<T: PartialEq + Value + Debug>(facts: &Facts, lines: &[LayerChoice<T>], all: &T, findings: &mut Vec<Finding>) {
    let text = &facts.project.text;
    for line in lines.iter().filter(|line| line.choice.value == *all && !line.layer.span.is_empty()) {
        let (layer, value) = (&line.layer.value, all.write());
        let message = format!("layer {layer} is {} already, as all layers are", value.trim_matches('"'));
        let mut finding = Finding::new(&RULE, line.layer.span.clone(), message).about(layer);
        if let Some(span) = own_line(text, line.layer.span.start..line.choice.span.end) {
            let edits = vec![Edit { span, text: String::new() }];
            let title = "remove the line".to_string();
            finding.fixes.push(Fix { title, kind: FixKind::Spelling, safety: Safety::Safe, edits });
        }
        findings.push(finding);
    }
}

/// Reports a limit that nothing exceeds, and a number that was likely meant as a percentage.
fn limit(facts: &Facts, key: &str, share: f64, span: &Span, findings: &mut Vec<Finding>) {
    // A value of the command line has no place.
    let written = facts.project.text.get(span.clone()).unwrap_or_default();
    let is_number = !written.starts_with(['"', '\'']);
    if written.is_empty() || share < if is_number { SUSPICIOUS } else { 1.0 } {
        return;
    }
    let percent = share * 100.0;
    let effect = match share < 1.0 {
        true => ": a number without a percent sign is a share",
        false if key == LOSS => ", more than a network can lose",
        false => ", which a network exceeds only when its outputs are noise",
    };
    let help = match is_number {
        true if share < 1.0 => format!("write \"{written}%\", or \"{percent}%\" if that is meant"),
        true => format!("write \"{written}%\" if that is meant: a number is a share, and 0.01 is 1%"),
        false => "write a limit below 100%, or leave the rule out: `ignore` in [lint]".to_string(),
    };
    let message = format!("`{key}` is {percent}%{effect}");
    findings.push(Finding::new(&RULE, span.clone(), message).with_help(help));
}
