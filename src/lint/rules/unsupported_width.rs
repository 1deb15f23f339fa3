//! D002

use crate::chip::Runtime;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Related, place};
use crate::ops;
use crate::text::units::and_more;

rule! {
    /// ## What it does
    /// Reports layers whose operator ESP-DL supports, but not at the layer's precision.
    ///
    /// ## Why is this bad?
    /// The chip refuses the model, or runs the layer with a kernel of another precision.
    ///
    /// ## Example
    /// ```toml
    /// [precision]
    /// "/neck/Conv" = "float"
    /// ```
    ///
    /// ## What to do
    /// Give the layer a supported precision, which the help names.
    D002, "unsupported-width", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(plan) = facts.plan() else { return };
    // All layers of one operator at one place share a finding: a model's precision affects many layers.
    let mut found: Vec<(Finding, Vec<String>)> = Vec::new();
    for id in plan.graph.node_ids() {
        let node = plan.graph.node(id);
        let Some(chip) = ops::on_chip(&node.op) else { continue };
        if chip.kernels.runs(plan.quant_type(id).scheme()) {
            continue;
        }
        let scheme = plan.scheme(id);
        let span = place::of_layer(facts.project, &node.name);
        let message = format!("ESP-DL {} does not support {} at {scheme}", Runtime::KNOWN, node.op);
        if let Some((_, layers)) = found.iter_mut().find(|(f, _)| f.span == span && f.message == message) {
            layers.push(node.name.clone());
            continue;
        }
        let help = format!("give the layer {}", chip.kernels.words());
        found.push((Finding::new(&RULE, span, message).with_help(help).about(&node.name), vec![node.name.clone()]));
    }
    for (mut finding, layers) in found {
        finding.message = format!("layer {}: {}", and_more(&layers, 1), finding.message);
        let related = layers.iter().skip(1).map(|layer| Related {
            message: format!("layer {layer}, too"),
            span: None,
            layer: Some(layer.clone()),
            is_named: false,
        });
        finding.related = related.collect();
        findings.push(finding);
    }
}
