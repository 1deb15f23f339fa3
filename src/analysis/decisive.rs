//! Meaning of a model's outputs: the values that decide them, and those that are scores of classes.

use crate::graph::{Graph, NodeId, ValueId};

/// Returns the outputs, or the values before a Softmax or Sigmoid at their end: after it, even a small error can be as
/// large as the signal.
pub fn decisive(graph: &Graph) -> Vec<ValueId> {
    let producers = graph.producers();
    let before = |value: ValueId| {
        let (node, _) = producers[value.0]?;
        let node = graph.node(node);
        let ends = ["Softmax", "LogSoftmax", "Sigmoid"].contains(&node.op.as_str()) && node.domain.is_empty();
        node.input(0).filter(|input| ends && graph.value(*input).constant.is_none())
    };
    graph.outputs.iter().map(|&value| before(value).unwrap_or(value)).collect()
}

/// Returns `true` for scores or probabilities of classes: a linear layer or a Softmax makes them.
pub fn is_classifier(graph: &Graph, producers: &[Option<(NodeId, usize)>], output: ValueId) -> bool {
    const SHAPING: [&str; 3] = ["Flatten", "Reshape", "Squeeze"];
    let mut at = output;
    // No chain is longer than the graph.
    for _ in 0..graph.nodes.len() {
        let Some((node, _)) = producers[at.0] else { return false };
        let node = graph.node(node);
        match (node.op.as_str(), node.inputs.first()) {
            ("Softmax" | "LogSoftmax" | "Gemm" | "MatMul", _) => return true,
            // Class scores of a network whose last layer is a convolution.
            ("GlobalAveragePool" | "Conv", _) => return at != output,
            (op, Some(&Some(input))) if SHAPING.contains(&op) => at = input,
            _ => return false,
        }
    }
    false
}
