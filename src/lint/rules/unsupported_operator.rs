//! D001

use crate::chip::{Runtime, Support};
use crate::export::gelus;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::ops::{self, Operator};
use crate::{Error, Kind};

rule! {
    /// ## What it does
    /// Reports operators that ESP-DL's runtime does not support.
    ///
    /// ## Why is this bad?
    /// The chip refuses to load the model. esp-ppq exports such models without an error.
    ///
    /// ## Example
    /// ```text
    /// layer /neck/GridSample: ESP-DL 3.3.9 does not support the operator GridSample
    /// ```
    ///
    /// ## What to do
    /// Replace the layer by operators that ESP-DL supports (`docs/operators.md` lists them), or end the model before it
    /// and compute the rest in the application.
    D001, "unsupported-operator", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let refused = facts.model.and_then(Result::err).into_iter().flat_map(Error::each);
    for error in refused.filter(|error| error.kind() == Kind::Operator) {
        let mut finding = Finding::new(&RULE, place::of_key(facts.project, "model.path"), place::sentence(error));
        finding.help = error.help().map(str::to_string);
        finding.layer = error.layer().map(str::to_string);
        findings.push(finding);
    }
    let Some(model) = facts.model() else { return };
    let written_as_gelu: Vec<_> = gelus(&model.graph).into_iter().flat_map(|gelu| gelu.inner).collect();
    for id in model.graph.node_ids() {
        let node = model.graph.node(id);
        if ops::on_chip(&node.op).is_none() && !written_as_gelu.contains(&id) {
            let message =
                format!("layer {}: ESP-DL {} does not support the operator {}", node.name, Runtime::KNOWN, node.op);
            let help = instead(&node.op);
            let span = place::of_key(facts.project, "model.path");
            findings.push(Finding::new(&RULE, span, message).with_help(help).about(&node.name));
        }
    }
}

/// Returns the help for an operator that the runtime does not support.
fn instead(op: &str) -> &'static str {
    match ops::find(op).map(|Operator { chip, .. }| chip) {
        Some(Support::Lacks { instead: Some(instead) }) => instead,
        _ => "replace it by operators that ESP-DL supports, or end the model before it",
    }
}
