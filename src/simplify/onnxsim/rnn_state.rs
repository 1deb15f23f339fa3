//! Removal of a zero initial state of LSTM, GRU and RNN, which is their default.

use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId, Tensor};

pub fn zero(graph: &mut Graph, id: NodeId, _: &Links) -> bool {
    let node = graph.node(id);
    let last = match node.op.as_str() {
        "LSTM" if node.domain.is_empty() => 6,
        "GRU" | "RNN" if node.domain.is_empty() => 5,
        _ => return false,
    };
    let zeros: Vec<usize> = (5..=last).filter(|&port| graph.constant(node, port).is_some_and(is_zero)).collect();
    let node = &mut graph.nodes[id.0];
    for port in &zeros {
        node.inputs[*port] = None;
    }
    let before = node.inputs.len();
    while node.inputs.last() == Some(&None) {
        node.inputs.pop();
    }
    !zeros.is_empty() || node.inputs.len() != before
}

/// Returns `true` if all elements are +0, as onnxsim tests it.
fn is_zero(tensor: &Tensor) -> bool {
    match tensor {
        Tensor::F32(a) => a.iter().all(|v| v.to_bits() == 0),
        Tensor::F64(a) => a.iter().all(|v| v.to_bits() == 0),
        _ => false,
    }
}
