//! E007

use std::collections::HashMap;

use crate::graph::{Graph, NodeId, ValueId};
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Related, place};
use crate::ops::{self, Role};
use crate::text::units::{and_more, percent};

rule! {
    /// ## What it does
    /// Reports a rise of the cumulative error to more than five times that of the layers before, and above 5% and the limit of the outputs,
    /// which no layer with weights explains: operators without weights lie between, or the layer adds little when it is quantized
    /// alone. It is checked where an output is over its limit.
    ///
    /// ## Why is this bad?
    /// A large error is made out of a small one: by a difference of values that nearly cancel, a division by a small value, a
    /// normalization of a flat signal. The error by layer does not show it, since it is that of layers with weights.
    ///
    /// ## Example
    /// ```text
    /// the error rises from 0.8% at /q/Conv and /k/Conv to 24.1% at /att/Conv, with /att/Sub between
    /// ```
    ///
    /// ## What to do
    /// Give the operators between, and the layers before them, 16 bits, so that less error reaches them.
    E007, "error-jump", Info, Figures
}

/// Factor from which an error rises, and the least error that it rises to.
const FACTOR: f64 = 5.0;
const LEAST: f64 = 0.05;
/// Layers that are named.
const NAMED: usize = 3;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), Some(plan), config) = (facts.report(), facts.plan(), &facts.project.config) else { return };
    let limit = config.output_limit().max(LEAST);
    if facts.decoded_head().is_some() || !report.outputs.iter().any(|output| output.is_over(limit)) {
        return;
    }
    let graph = &plan.graph;
    let producers = graph.producers();
    let layers: HashMap<&str, _> = report.layers.iter().map(|layer| (layer.name.as_str(), layer)).collect();
    let of = |id: NodeId| layers.get(graph.node(id).name.as_str()).copied();
    let jump = |before: &Before, error: f64| {
        let errors = before.layers.iter().filter_map(|&id| of(id)?.graphwise);
        let reached = errors.map(|error| error.nsr).fold(0.0, f64::max);
        (reached > 0.0 && error > limit && error > FACTOR * reached).then_some(reached)
    };
    for id in graph.node_ids() {
        let Some((layer, own, alone)) = of(id).and_then(|layer| Some((layer, layer.graphwise?, layer.alone()?))) else {
            continue;
        };
        let before = Before::of(graph, &producers, graph.node(id).inputs.iter().flatten().copied());
        if alone.nsr <= config.limit_of(&layer.name)
            && let Some(reached) = jump(&before, own.nsr)
        {
            findings.push(finding(
                facts,
                graph,
                &before,
                reached,
                (own.nsr, &format!("{}, which adds {alone} alone", layer.name)),
            ));
        }
    }
    for (output, &value) in report.outputs.iter().zip(&graph.outputs).filter(|(output, _)| output.is_over(limit)) {
        let before = Before::of(graph, &producers, [value]);
        // What a Softmax makes of a small error is E006.
        let is_end = output.before.is_some() || before.between.is_empty();
        if let Some(reached) = jump(&before, output.error.nsr).filter(|_| !is_end) {
            findings.push(finding(
                facts,
                graph,
                &before,
                reached,
                (output.error.nsr, &format!("output `{}`", output.name)),
            ));
        }
    }
}

fn finding(facts: &Facts, graph: &Graph, before: &Before, reached: f64, (error, at): (f64, &str)) -> Finding {
    let names = |ids: &[NodeId]| ids.iter().map(|&id| graph.node(id).name.clone()).collect::<Vec<String>>();
    let (layers, between) = (names(&before.layers), names(&before.between));
    let (reached, error, from) = (percent(reached), percent(error), and_more(&layers, NAMED));
    let message = match between.is_empty() {
        true => format!("the error rises from {reached} at {from} to {error} at {at}"),
        false => format!(
            "the error rises from {reached} at {from} to {error} at {at}, with {} between",
            and_more(&between, NAMED)
        ),
    };
    let help = "give the operators between, and the layers before them, 16 bits, so that less error reaches them";
    let named: Vec<String> = between.into_iter().chain(layers).take(NAMED).collect();
    let mut finding = Finding::new(&RULE, place::of_model(facts.project), message).with_help(help);
    finding.layer = named.first().cloned();
    finding.related.extend(named.into_iter().map(|layer| Related {
        message: format!("{layer} is among them"),
        span: None,
        layer: Some(layer),
        is_named: true,
    }));
    finding
}

/// Part of the network before a value: the nearest layers with an error, and the operators between that change values.
struct Before {
    layers: Vec<NodeId>,
    between: Vec<NodeId>,
}

impl Before {
    fn of(graph: &Graph, producers: &[Option<(NodeId, usize)>], values: impl IntoIterator<Item = ValueId>) -> Before {
        let mut open: Vec<ValueId> = values.into_iter().collect();
        let mut seen = vec![false; graph.nodes.len()];
        let mut before = Before { layers: Vec::new(), between: Vec::new() };
        while let Some(value) = open.pop() {
            let Some((node, _)) = producers[value.0].filter(|(node, _)| !seen[node.0]) else { continue }; // ids are the graph's
            seen[node.0] = true;
            match ops::find(&graph.node(node).op).map(|operator| operator.treatment.role) {
                Some(Role::Computing) => before.layers.push(node),
                role => {
                    if role.is_some_and(|role| role != Role::Passive) {
                        before.between.push(node);
                    }
                    open.extend(graph.node(node).inputs.iter().flatten());
                }
            }
        }
        before.layers.sort();
        before.between.sort();
        before
    }
}
