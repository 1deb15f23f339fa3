//! D004

use crate::analysis::LayerPort;
use crate::chip::Limit;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::runtime::limits::{self, Exponents, GraphNode};

rule! {
    /// ## What it does
    /// Reports layers whose output exponent is below the sum of its inputs' exponents, in any channel, on the S3, the
    /// S31 and the P4.
    ///
    /// ## Why is this bad?
    /// A product has the sum of its factors' exponents, and ESP-DL shifts it right to the output's exponent. The vector
    /// code of these chips cannot shift left, so the layer's output would be meaningless. esp-ppq logs this and exports
    /// the model. The portable code of the other chips shifts in both directions.
    ///
    /// ## Example
    /// ```text
    /// layer /head/Conv: output exponent -12 is below input -5 plus weight -6, in 3 of 64 channels
    /// ```
    ///
    /// ## What to do
    /// Give the layer 16 bits, which makes the inputs' exponents smaller, or widen the output's range: another observer
    /// for this layer in `[calibration.methods]`, or samples with larger values.
    D004, "exponent-rule", Error, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), Some(plan)) = (facts.report(), facts.plan()) else { return };
    let (graph, family) = (&plan.graph, Some(plan.settings.target.family()));
    for id in graph.node_ids() {
        let name = &graph.node(id).name;
        let Some(layer) = report.layers.iter().find(|layer| layer.name == *name) else { continue };
        let scheme = Some(plan.quant_type(id).scheme());
        let before = GraphNode { scheme, family, ..GraphNode::of(graph, id) };
        let exponents = Exponents { inputs: exponents(&layer.inputs), outputs: exponents(&layer.outputs) };
        let calibrated = GraphNode { scheme, family, exponents, ..GraphNode::of(graph, id) };
        let shows_now = |(_, limit): &(String, &Limit)| limit.violation(&before).is_none();
        for (what, limit) in limits::of_node(&calibrated).filter(shows_now) {
            let span = place::of_layer(facts.project, name);
            let message = format!("layer {name}: {what}");
            findings.push(Finding::new(&RULE, span, message).with_help(limit.help).about(name));
        }
    }
}

fn exponents(ports: &[Option<LayerPort>]) -> Vec<Option<Vec<i64>>> {
    let of = |port: &Option<LayerPort>| port.as_ref().map(|port| port.port.exponents.clone());
    ports.iter().map(of).collect()
}
