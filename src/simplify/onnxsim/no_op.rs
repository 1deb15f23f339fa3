//! Removal of nodes without effect: Identity, Dropout, a Cast to the same type, and others.

use crate::graph::edit::Links;
use crate::graph::{DataType, Graph, Node, NodeId, Tensor};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let is_no_op = match graph.node(id).op.as_str() {
        "Concat" => |_: &Graph, node: &Node| node.inputs.len() == 1,
        "Cast" => cast,
        "Dropout" => dropout,
        "Flatten" => flatten,
        "Pad" => pad,
        "Split" => |graph: &Graph, node: &Node| node.outputs.len() == 1 && same_shape(graph, node),
        "Expand" => |graph: &Graph, node: &Node| graph.constant(node, 1).is_some() && same_shape(graph, node),
        "Transpose" => transpose,
        _ => return false,
    };
    bypass(graph, id, links, is_no_op)
}

pub fn reshape(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let same = |graph: &Graph, node: &Node| graph.constant(node, 1).is_some() && same_shape(graph, node);
    graph.node(id).op == "Reshape" && bypass(graph, id, links, same)
}

pub fn identity(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    graph.node(id).op == "Identity" && bypass(graph, id, links, |_, _| true)
}

fn bypass(graph: &mut Graph, id: NodeId, links: &Links, is_no_op: fn(&Graph, &Node) -> bool) -> bool {
    let node = graph.node(id);
    let (Some(input), Some(output)) = (node.input(0), node.output(0)) else { return false };
    let masked = node.outputs.iter().skip(1).flatten().any(|mask| graph.uses(links, *mask) > 0);
    node.domain.is_empty() && !masked && is_no_op(graph, node) && graph.replace_uses(output, input)
}

/// Returns `true` for a Dropout without effect. Others remain until nodes are named, and are removed then: Dropout is
/// only active in training.
fn dropout(graph: &Graph, node: &Node) -> bool {
    let none = |port: usize| node.input(port).is_none() || graph.constant(node, port).is_some_and(is_zero);
    match node.attributes.float("ratio") {
        Some(ratio) => ratio == 0.0,
        None => none(1) && none(2),
    }
}

fn is_zero(tensor: &Tensor) -> bool {
    match tensor {
        Tensor::F32(a) => a.iter().all(|&v| v == 0.0),
        Tensor::F64(a) => a.iter().all(|&v| v == 0.0),
        Tensor::Bool(a) => a.iter().all(|&v| !v),
        _ => false,
    }
}

fn pad(graph: &Graph, node: &Node) -> bool {
    graph.ints(node, "pads", 1).is_some_and(|pads| !pads.is_empty() && pads.iter().all(|&p| p == 0))
}

fn transpose(_: &Graph, node: &Node) -> bool {
    node.attributes.ints("perm").is_some_and(|perm| perm.iter().copied().eq(0..perm.len() as i64))
}

fn cast(graph: &Graph, node: &Node) -> bool {
    let to = node.attributes.int("to").and_then(DataType::from_onnx);
    to.is_some() && to == node.input(0).and_then(|id| graph.value(id).data_type)
}

fn flatten(graph: &Graph, node: &Node) -> bool {
    let Some([first, _]) = node.input(0).and_then(|id| graph.shape(id)) else { return false };
    match node.attributes.int_or("axis", 1) {
        1 | -1 => true,
        0 => *first == 1,
        _ => false,
    }
}

fn same_shape(graph: &Graph, node: &Node) -> bool {
    let shape = |id| graph.shape(id);
    match (node.input(0).and_then(shape), node.output(0).and_then(shape)) {
        (Some(input), Some(output)) => input == output,
        _ => false,
    }
}
