//! Fixes for Concats that join values of very different ranges: 16 bits as far as the joint reaches, and ends before it.
//!
//! Never: which of them is offered.

use crate::Result;
use crate::analysis::{Joint, Report};
use crate::chip::Scheme;
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::lint::{Trial, lossy_joints};
use crate::ops::{self, Role, Shared};
use crate::quant::Plan;

use super::cancel::possible;
use super::measure::Measurement;

/// Maximum number of joints that are tried; those with the worst parts come first.
pub(super) const JOINTS: usize = 4;

/// Outputs of a model in place of a joint and of all that is behind it.
pub(super) struct Apart {
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Layers behind the joint.
    pub behind: usize,
}

impl Measurement<'_> {
    /// Tries int16 for joints inside of the network that lose a part.
    pub fn joints(&self, report: &Report) -> Result<Vec<(String, Trial)>> {
        let mut found = Vec::new();
        let joints = lossy_joints(&self.opened.project().config, report).into_iter();
        for joint in joints.filter(|joint| joint.output.is_none()).take(JOINTS) {
            let trial = self.joint(report, &joint.layer)?;
            found.extend(trial.map(|trial| (joint.layer.clone(), trial)));
        }
        Ok(found)
    }

    /// Tries int16 for a joint and the layers that read it: at 8 bits, they would round its parts to one scale again.
    pub fn joint(&self, report: &Report, layer: &str) -> Result<Option<Trial>> {
        let layers = narrow(self.plan, layer);
        let names: Vec<&str> = layers.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(None);
        }
        possible(self.trial(report, &names, Scheme::Int16))
    }
}

/// Names the output that each joint makes, if only layers that keep its ranges are between them.
pub(super) fn with_outputs(graph: &Graph, joints: &[Joint]) -> Vec<Joint> {
    let named = |joint: &Joint| {
        let reached = find(graph, &joint.layer).map(|node| reached(graph, node)).unwrap_or_default();
        let made = reached.into_iter().filter(|(_, is_kept)| *is_kept);
        let mut values = made.flat_map(|(node, _)| graph.node(node).outputs.iter().flatten());
        let output = values.find(|value| graph.outputs.contains(value));
        Joint { output: output.map(|&value| graph.value(value).name.clone()), ..joint.clone() }
    };
    joints.iter().map(named).collect()
}

/// Returns the names of a joint and the layers that it reaches, as far as they have 8 bits and could have 16.
pub(super) fn narrow(plan: &Plan, joint: &str) -> Vec<String> {
    let graph = &plan.graph;
    let has_kernel = |node: NodeId| ops::on_chip(&graph.node(node).op).is_some_and(|chip| chip.kernels.int16);
    let reached = find(graph, joint).map(|node| reached(graph, node)).unwrap_or_default();
    let nodes = reached.into_iter().map(|(node, _)| node);
    let narrow = nodes.filter(|&node| has_kernel(node) && plan.scheme(node) == Scheme::Int8);
    narrow.map(|node| graph.node(node).name.clone()).collect()
}

fn find(graph: &Graph, layer: &str) -> Option<NodeId> {
    graph.node_ids().find(|&node| graph.node(node).name == layer)
}

/// Returns a joint that is no output itself, as the nodes that a comparison by part needs.
pub(super) fn inside(graph: &Graph, joint: &Joint) -> Vec<NodeId> {
    let is_inside = |node: &NodeId| !graph.node(*node).outputs.iter().flatten().any(|v| graph.outputs.contains(v));
    find(graph, &joint.layer).filter(is_inside).into_iter().collect()
}

/// Returns a joint and the layers that its parts reach with the ranges that they have in it, and whether a layer passes these on.
fn reached(graph: &Graph, joint: NodeId) -> Vec<(NodeId, bool)> {
    let mut is_reached = graph.mask([]);
    let mut reached = Vec::new();
    for id in graph.node_ids() {
        let node = graph.node(id);
        if id == joint || node.inputs.iter().flatten().any(|input| is_reached[input.0]) {
            let is_kept = id == joint || keeps_ranges(graph, node);
            reached.push((id, is_kept));
            node.outputs.iter().flatten().for_each(|output| is_reached[output.0] |= is_kept);
        }
    }
    reached
}

/// Returns `true` for layers whose values are those of an input, moved, joined or clamped.
fn keeps_ranges(graph: &Graph, node: &Node) -> bool {
    let computed = node.inputs.iter().flatten().filter(|value| graph.value(**value).constant.is_none()).count();
    ops::find(&node.op).is_some_and(|operator| {
        let treatment = &operator.treatment;
        let is_moved = computed == 1 && treatment.shared == Shared::Output && treatment.role != Role::Computing;
        treatment.role == Role::Passive || treatment.clamps || node.is("Concat") || is_moved
    })
}

/// Returns the outputs of a network that ends before a joint; `None` if the joint leads to a layer that the CPU should not
/// compute.
pub(super) fn apart(graph: &Graph, joint: &Joint) -> Option<Apart> {
    let joint = find(graph, &joint.layer)?;
    let mut is_behind = vec![false; graph.values.len()];
    let mut layers: Vec<NodeId> = Vec::new();
    for node in graph.node_ids() {
        let mut inputs = graph.node(node).inputs.iter().flatten();
        if node != joint && !inputs.any(|input| is_behind[input.0]) {
            continue;
        }
        if ops::find(&graph.node(node).op).is_none_or(|operator| operator.treatment.role == Role::Computing) {
            return None;
        }
        graph.node(node).outputs.iter().flatten().for_each(|output| is_behind[output.0] = true);
        layers.push(node);
    }
    let mut before: Vec<ValueId> = Vec::new();
    for &input in layers.iter().flat_map(|&node| graph.node(node).inputs.iter().flatten()) {
        let is_known = graph.value(input).constant.is_some() || graph.inputs.contains(&input);
        if !is_known && !is_behind[input.0] && !before.contains(&input) && !graph.outputs.contains(&input) {
            before.push(input);
        }
    }
    let mut outputs = Vec::new();
    for output in &graph.outputs {
        if is_behind[output.0] { outputs.append(&mut before) } else { outputs.push(*output) }
    }
    let is_used = before.is_empty() && !outputs.is_empty();
    let outputs = outputs.into_iter().map(|output| graph.value(output).name.clone()).collect();
    is_used.then_some(Apart { outputs, behind: layers.len() - 1 })
}
