//! C006

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, Safety};
use crate::project::LayerChoice;
use crate::quant;
use crate::text::{Edit, nearest};

rule! {
    /// ## What it does
    /// Reports names of layers in `[precision]` and `[calibration.methods]` that the model does not have.
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
    /// Use the name that Netron and `espq report` show. Layers folded into another (BatchNormalization, Add of a bias)
    /// have the name of that layer. A model that was exported again may have new names.
    C006, "unknown-layer", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let config = &facts.project.config;
    look(facts, &config.precision, findings);
    look(facts, &config.calibration.methods, findings);
}

fn look<T>(facts: &Facts, choices: &[LayerChoice<T>], findings: &mut Vec<Finding>) {
    let Some(model) = facts.model() else { return };
    let names = || model.graph.nodes.iter().map(|n| n.name.as_str());
    for choice in choices {
        let name = &choice.layer.value;
        if names().any(|n| n == name) {
            continue;
        }
        let near = quant::nearest_names(&model.graph, name, 3);
        let mut finding =
            Finding::new(&RULE, choice.layer.span.clone(), format!("the model has no layer `{name}`")).about(name);
        finding.help = Some(match near.as_slice() {
            [] => "the model has no layers".to_string(),
            near => format!("similar names: {}", near.join(", ")),
        });
        // Only a likely misspelling gets a fix.
        if let Some(meant) = nearest(name, names()) {
            let edit = Edit { span: choice.layer.span.clone(), text: quoted(meant) };
            let title = format!("write {}", edit.text);
            finding.fixes.push(Fix { title, kind: FixKind::Spelling, safety: Safety::Unsafe, edits: vec![edit] });
        }
        findings.push(finding);
    }
}

/// Formats a name as a TOML key.
fn quoted(name: &str) -> String {
    toml::Value::String(name.to_string()).to_string()
}
