//! C006

use std::collections::HashMap;

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, Safety};
use crate::project::{LayerChoice, Value};
use crate::text::{Edit, nearest};

rule! {
    /// ## What it does
    /// Reports names of layers in `[precision]`, `[calibration.methods]` and `[limits.layers]` that the model does not have.
    ///
    /// ## Why is this bad?
    /// The entry has no effect. esp-ppq ignores such a name silently, so the layer stays at 8 bits and the error does
    /// not decrease.
    ///
    /// ## Example
    /// ```toml
    /// [precision]
    /// "/features/0/conv" = "int16"    # the layer is called /features/0/Conv
    /// ```
    ///
    /// ## What to do
    /// Use the name that Netron or `espq report` shows. Nodes that become part of another layer (BatchNormalization, MatMul
    /// and Add of a linear layer) select that layer. A model that was exported again may have new names.
    C006, "unknown-layer", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let config = &facts.project.config;
    look(facts, &config.precision, findings);
    look(facts, &config.calibration.methods, findings);
    look(facts, &config.limits.layers, findings);
    contradictions(facts, &config.precision, findings);
    contradictions(facts, &config.calibration.methods, findings);
    contradictions(facts, &config.limits.layers, findings);
}

/// Number of names in one table that are compared with those of the model. More are a list for another model.
const ADVISED: usize = 100;

fn look<T>(facts: &Facts, choices: &[LayerChoice<T>], findings: &mut Vec<Finding>) {
    let Some(model) = facts.model() else { return };
    let mut advised = 0;
    for choice in choices {
        let name = &choice.layer.value;
        if model.names.layer(name).is_some() {
            continue;
        }
        advised += 1;
        let is_advised = advised <= ADVISED;
        let error = if is_advised { model.names.unknown(name) } else { model.names.unknown_without_advice(name) };
        let mut finding = Finding::new(&RULE, choice.layer.span.clone(), error.what()).about(name);
        finding.help = error.help().map(str::to_string);
        // Only a likely misspelling gets a fix.
        if let Some(meant) = is_advised.then(|| nearest(name, model.names.like(name))).flatten() {
            let edit = Edit { span: choice.layer.span.clone(), text: quoted(meant) };
            let title = format!("write {}", edit.text);
            finding.fixes.push(Fix { title, kind: FixKind::Spelling, safety: Safety::Unsafe, edits: vec![edit] });
        }
        findings.push(finding);
    }
}

/// Reports lines that give a layer, by the names of nodes within it, another choice than an earlier line.
fn contradictions<T: PartialEq + Value>(facts: &Facts, choices: &[LayerChoice<T>], findings: &mut Vec<Finding>) {
    let mut firsts: HashMap<&str, &LayerChoice<T>> = HashMap::new();
    for line in choices {
        let first = *firsts.entry(&line.layer.value).or_insert(line);
        if first.choice.value == line.choice.value {
            continue;
        }
        let written = |line: &LayerChoice<T>| facts.project.text.get(line.layer.span.clone()).unwrap_or_default();
        let (layer, choice) = (&line.layer.value, first.choice.value.write());
        let message = format!(
            "{} and {} are one layer, `{layer}`, and the first has {}",
            written(first),
            written(line),
            choice.trim_matches('"')
        );
        let finding = Finding::new(&RULE, line.layer.span.clone(), message).about(layer);
        findings.push(finding.with_help("give both the same, or remove one of the lines"));
    }
}

/// Formats a name as a TOML key.
fn quoted(name: &str) -> String {
    toml::Value::String(name.to_string()).to_string()
}
