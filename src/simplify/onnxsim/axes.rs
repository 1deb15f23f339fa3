//! Consecutive insertion and removal of axes: Squeeze, Unsqueeze and reductions that drop their axes.

use crate::graph::axes::from_front;
use crate::graph::edit::Links;
use crate::graph::{Attribute, Graph, NodeId, Tensor};

const REDUCTIONS: [&str; 10] = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
];

/// Returns the node and the one before it, if they have these types.
fn pair(graph: &Graph, id: NodeId, links: &Links, before: &str, op: &str) -> Option<NodeId> {
    let node = graph.node(id);
    links.before(node, 0).filter(|b| node.is(op) && graph.node(*b).is(before))
}

/// Returns the axes of a node, counted from the front and in order; `rank` is that of the larger tensor.
fn axes(graph: &Graph, id: NodeId, rank: usize) -> Option<Vec<usize>> {
    let axes = graph.ints(graph.node(id), "axes", 1)?;
    let mut axes: Vec<usize> = axes.into_iter().map(|axis| from_front(axis, rank)).collect::<Option<_>>()?;
    axes.sort_unstable();
    Some(axes)
}

fn rank_in(graph: &Graph, id: NodeId) -> Option<usize> {
    Some(graph.shape(graph.node(id).input(0)?)?.len())
}

fn rank_out(graph: &Graph, id: NodeId) -> Option<usize> {
    Some(graph.shape(graph.node(id).output(0)?)?.len())
}

/// Merges a reduction and the Unsqueeze of its axes: the reduction keeps them.
pub fn keep_reduced(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) = links.before(node, 0).filter(|_| node.is("Unsqueeze")) else { return false };
    let reduction = graph.node(before);
    let drops = REDUCTIONS.contains(&reduction.op.as_str()) && reduction.attributes.int("keepdims") == Some(0);
    let (Some(made), Some(output)) = (reduction.output(0), node.output(0)) else { return false };
    let axes = graph.ints(node, "axes", 1);
    if !drops || graph.uses(links, made) != 1 || axes.is_none() || axes != graph.ints(reduction, "axes", 1) {
        return false;
    }
    let shape = graph.value(output).shape.clone();
    if !graph.replace_uses(output, made) {
        return false;
    }
    graph.values[made.0].shape = shape;
    graph.nodes[before.0].attributes.set("keepdims", Attribute::Int(1));
    true
}

/// Removes Squeeze and Unsqueeze of the same axes, in either order.
pub fn cancel(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let (before, rank) =
        match (pair(graph, id, links, "Squeeze", "Unsqueeze"), pair(graph, id, links, "Unsqueeze", "Squeeze")) {
            (Some(squeeze), _) => (squeeze, rank_in(graph, squeeze)),
            (_, Some(unsqueeze)) => (unsqueeze, rank_in(graph, id)),
            _ => return false,
        };
    let same = rank.and_then(|rank| Some((axes(graph, id, rank)?, axes(graph, before, rank)?)));
    let (Some(output), Some(input)) = (graph.node(id).output(0), graph.node(before).input(0)) else { return false };
    same.is_some_and(|(a, b)| a == b) && graph.replace_uses(output, input)
}

/// Merges two consecutive nodes.
pub fn merge_squeezes(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    pair(graph, id, links, "Squeeze", "Squeeze").is_some_and(|before| merge_pair(graph, id, before, true))
}

pub fn merge_unsqueezes(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    pair(graph, id, links, "Unsqueeze", "Unsqueeze").is_some_and(|before| merge_pair(graph, id, before, false))
}

fn merge_pair(graph: &mut Graph, id: NodeId, before: NodeId, squeeze: bool) -> bool {
    // The tensor with all axes, the one between, and the reader of the former.
    let (outer, inner) = if squeeze { (before, id) } else { (id, before) };
    let ranks = if squeeze {
        (rank_in(graph, before), rank_in(graph, id))
    } else {
        (rank_out(graph, id), rank_out(graph, before))
    };
    let (Some(full), Some(between)) = ranks else { return false };
    let (Some(outer), Some(inner)) = (axes(graph, outer, full), axes(graph, inner, between)) else { return false };
    // Remaining axes, by their index among all.
    let kept: Vec<usize> = (0..full).filter(|axis| !outer.contains(axis)).collect();
    let Some(inner) = inner.iter().map(|&axis| kept.get(axis).copied()).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let mut all: Vec<i64> = outer.into_iter().chain(inner).map(|axis| axis as i64).collect();
    all.sort_unstable();
    set_axes(graph, id, all);
    let input = graph.node(before).input(0);
    graph.nodes[id.0].inputs[0] = input;
    true
}

/// Sets the axes, as an input if the operator set has one.
fn set_axes(graph: &mut Graph, id: NodeId, axes: Vec<i64>) {
    if graph.opset < 13 {
        graph.nodes[id.0].attributes.set("axes", Attribute::Ints(axes));
        return;
    }
    let name = graph.node(id).output(0).map_or_else(String::new, |v| format!("{}_axes", graph.value(v).name));
    graph.numbered += 2;
    if let Ok(tensor) = Tensor::new(&[axes.len()], axes) {
        let constant = graph.fresh_constant(&name, tensor);
        let inputs = &mut graph.nodes[id.0].inputs;
        inputs.truncate(1);
        inputs.push(Some(constant));
    }
}
