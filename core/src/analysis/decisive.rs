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

/// Returns `true` for scores or probabilities of classes: a linear layer or a Softmax makes them. An output of as many elements as
/// an input has is that input again, as of an autoencoder or a filter, and its largest element is no decision.
pub fn is_classifier(graph: &Graph, producers: &[Option<(NodeId, usize)>], output: ValueId) -> bool {
    let elements = |value: ValueId| graph.value(value).shape.as_ref().map(|shape| shape.iter().product::<usize>());
    if graph.inputs.iter().any(|&input| elements(input).is_some() && elements(input) == elements(output)) {
        return false;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Attributes, Node, Value};

    /// Returns whether the output of a Gemm with this shape is of classes, behind an input of 640 elements.
    fn is_of_classes(shape: &[usize]) -> bool {
        let mut graph = Graph::default();
        let value = |name: &str, shape: &[usize]| Value {
            name: name.to_string(),
            shape: Some(shape.to_vec()),
            ..Value::default()
        };
        let (input, output) = (graph.add_value(value("x", &[1, 640])), graph.add_value(value("y", shape)));
        graph.nodes.push(Node {
            name: "last".to_string(),
            op: "Gemm".to_string(),
            domain: String::new(),
            attributes: Attributes::default(),
            inputs: vec![Some(input)],
            outputs: vec![Some(output)],
        });
        (graph.inputs, graph.outputs) = (vec![input], vec![output]);
        is_classifier(&graph, &graph.producers(), output)
    }

    #[test]
    fn an_output_like_the_input_is_not_of_classes() {
        assert!(is_of_classes(&[1, 10]));
        assert!(!is_of_classes(&[1, 640]) && !is_of_classes(&[640]));
    }
}
