//! C010

use std::fmt::Debug;

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, Safety, own_line};
use crate::project::{LayerChoice, Observer, Value};
use crate::text::{Edit, Span};

rule! {
    /// ## What it does
    /// Reports lines that change nothing: a layer in `[precision]` or `[calibration.methods]` with the value that all layers
    /// have, a limit of 100% or more, which no error exceeds, and a limit or a key of `[accuracy]` without labels.
    ///
    /// ## Why is this bad?
    /// The line looks like a decision. A limit of `1` is often meant as 1%: then nothing is reported any more.
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
    for (name, share) in [("output-nsr", &limits.output_nsr), ("layer-nsr", &limits.layer_nsr)] {
        if let Some(share) = share {
            limit(&format!("limits.{name}"), share.value.0, &share.span, findings);
        }
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
        ("limits.accuracy-loss", limit.as_ref().map(|given| &given.span), accuracy.labels.is_some()),
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

fn limit(key: &str, share: f64, span: &Span, findings: &mut Vec<Finding>) {
    if share < 1.0 || span.is_empty() {
        return;
    }
    let percent = share * 100.0;
    let message = format!("`{key}` is {percent}%, which a network exceeds only when its outputs are noise");
    let help = match percent == 100.0 {
        true => "a number is a share: 0.01 is 1%; write \"1%\" if that is meant".to_string(),
        false => "write a limit below 100%, or `ignore = [\"E001\", \"E002\"]` in [lint]".to_string(),
    };
    findings.push(Finding::new(&RULE, span.clone(), message).with_help(help));
}
