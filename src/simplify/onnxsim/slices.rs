//! Merging of two consecutive Slices along different axes.

use crate::graph::axes::from_front;
use crate::graph::edit::Links;
use crate::graph::{Graph, Node, NodeId, Tensor};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) = links.before(node, 0).filter(|b| node.is("Slice") && graph.node(*b).is("Slice")) else {
        return false;
    };
    let Some(first) = arguments(graph, graph.node(before)) else { return false };
    let Some(second) = arguments(graph, node) else { return false };
    if first[2].iter().any(|axis| second[2].contains(axis)) {
        return false;
    }
    let x = graph.node(before).input(0);
    let name = node.output(0).map_or_else(String::new, |v| graph.value(v).name.clone());
    let mut inputs = vec![x];
    for (part, (first, second)) in ["starts", "ends", "axes", "steps"].into_iter().zip(first.iter().zip(second)) {
        let both: Vec<i64> = first.iter().copied().chain(second).collect();
        let Ok(tensor) = Tensor::new(&[both.len()], both) else { return false };
        inputs.push(Some(graph.fresh_constant(&format!("{name}_{part}"), tensor)));
    }
    // Names of a Concat for each argument, and then of the new Slice, whose result is unnamed.
    graph.numbered += 5;
    if let Some(output) = graph.node(id).output(0).filter(|output| !graph.outputs.contains(output)) {
        graph.values[output.0].name = format!("_v_{}", graph.numbered);
    }
    let node = &mut graph.nodes[id.0];
    node.name.clear();
    node.inputs = inputs;
    true
}

/// Returns starts, ends, axes (from the front) and steps, if all are given and constant.
fn arguments(graph: &Graph, node: &Node) -> Option<[Vec<i64>; 4]> {
    let rank = graph.shape(node.input(0)?)?.len();
    let ints = |port| graph.constant(node, port)?.to_i64s();
    let axes: Option<_> = ints(3)?.into_iter().map(|axis| Some(from_front(axis, rank)? as i64)).collect();
    Some([ints(1)?, ints(2)?, axes?, ints(4)?])
}
