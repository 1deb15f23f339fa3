//! Removal of arithmetic with a neutral constant: x * 1, x + 0, x - 0, x / 1, x ^ 1; and of an empty part of a Concat.

use crate::graph::edit::Links;
use crate::graph::{Graph, Node, NodeId, Tensor};

pub fn rewrite(graph: &mut Graph, id: NodeId, _: &Links) -> bool {
    let node = graph.node(id);
    if !node.domain.is_empty() {
        return false;
    }
    if node.op == "Concat" {
        return drop_empty(graph, id);
    }
    for port in 0..node.inputs.len() {
        let other = node.input(1 - port.min(1));
        let (Some(tensor), Some(other), Some(output)) = (graph.constant(node, port), other, node.output(0)) else {
            continue;
        };
        if is_neutral(node, port, tensor) && fits(tensor.shape(), graph.shape(other)) {
            return graph.replace_uses(output, other);
        }
    }
    false
}

fn drop_empty(graph: &mut Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let empty = (0..node.inputs.len()).find(|&port| graph.constant(node, port).is_some_and(Tensor::is_empty));
    match empty {
        Some(port) if node.inputs.len() > 1 => {
            graph.nodes[id.0].inputs.remove(port);
            true
        }
        _ => false,
    }
}

fn is_neutral(node: &Node, port: usize, tensor: &Tensor) -> bool {
    if node.inputs.len() != 2 {
        return false;
    }
    match (node.op.as_str(), port) {
        ("Mul" | "And", _) | ("Div" | "Pow", 1) => all(tensor, 1),
        ("Add" | "Or", _) | ("Sub", 1) => all(tensor, 0),
        _ => false,
    }
}

fn all(tensor: &Tensor, value: i8) -> bool {
    match tensor {
        Tensor::F32(a) => a.iter().all(|&v| v == f32::from(value)),
        Tensor::F64(a) => a.iter().all(|&v| v == f64::from(value)),
        other => other.to_i64s().is_some_and(|values| values.iter().all(|&v| v == i64::from(value))),
    }
}

/// Returns `true` if `shape` broadcasts to `other` without enlarging it.
fn fits(shape: &[usize], other: Option<&[usize]>) -> bool {
    other.is_some_and(|other| {
        shape.len() <= other.len() && shape.iter().rev().zip(other.iter().rev()).all(|(&d, &o)| d == 1 || d == o)
    })
}
