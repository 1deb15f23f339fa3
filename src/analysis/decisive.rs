//! Values that decide a model's outputs.

use crate::graph::{Graph, ValueId};

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
