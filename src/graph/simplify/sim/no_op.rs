//! Nodes that give back what they are given: Identity, Dropout, a Cast to the same type, and kin.

use super::super::super::edit::Links;
use super::super::super::{DataType, Graph, Node, NodeId};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let (Some(input), Some(output)) = (node.input(0), node.output(0)) else { return false };
    let masked = node.outputs.iter().skip(1).flatten().any(|mask| graph.uses(links, *mask) > 0);
    !masked && is_no_op(graph, node) && graph.replace_uses(output, input)
}

fn is_no_op(graph: &Graph, node: &Node) -> bool {
    if !node.domain.is_empty() {
        return false;
    }
    match node.op.as_str() {
        // Of no effect but in training, which ends before a model is quantized.
        "Identity" | "Dropout" => true,
        "Concat" => node.inputs.len() == 1,
        "Cast" => cast(graph, node),
        "Flatten" => flatten(graph, node),
        "Pad" => graph.ints(node, "pads", 1).is_some_and(|pads| !pads.is_empty() && pads.iter().all(|&p| p == 0)),
        "Split" => node.outputs.len() == 1 && same_shape(graph, node),
        "Expand" => graph.constant(node, 1).is_some() && same_shape(graph, node),
        "Reshape" => graph.constant(node, 1).is_some() && same_shape(graph, node),
        "Transpose" => node.attributes.ints("perm").is_some_and(|perm| perm.iter().copied().eq(0..perm.len() as i64)),
        _ => false,
    }
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
