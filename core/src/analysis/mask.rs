//! Attention masks: constants whose huge negative numbers hide places from a Softmax.
//!
//! A scale that covers such a number leaves nothing of the scores beside it.

use crate::graph::{Graph, Node, Tensor};

/// Numbers of a mask are at least this large; scores of attention are far smaller.
const LARGE: f32 = 1e3;

/// Mask, and the layer that applies it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// Node that applies it.
    pub layer: String,
    /// Value that holds it.
    pub constant: String,
    /// Number that hides a place, as it is read: of Sub negated.
    pub value: f32,
}

/// Returns the mask that a node applies: an operand of Add, Sub or Where.
pub fn mask_of(graph: &Graph, node: &Node) -> Option<Mask> {
    let (sign, ports) = match node.op.as_str() {
        "Add" => (1.0, 0..2),
        "Sub" => (-1.0, 1..2),
        "Where" => (1.0, 1..3),
        _ => return None,
    };
    ports.into_iter().find_map(|port| {
        let value = graph.value(node.input(port)?);
        let value_of = value.constant.as_ref().and_then(|constant| hidden(constant, sign))?;
        Some(Mask { layer: node.name.clone(), constant: value.name.clone(), value: value_of })
    })
}

/// Returns the number that hides a place, if all elements are such numbers or small.
fn hidden(constant: &Tensor, sign: f32) -> Option<f32> {
    let values = constant.slice::<f32>()?.iter().map(|v| v * sign);
    let least = values.clone().fold(f32::INFINITY, f32::min);
    let others = values.clone().filter(|v| *v > -LARGE);
    (least <= -LARGE && others.map(f32::abs).fold(0.0, f32::max) < LARGE / 10.0).then_some(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Attributes, Value};

    fn found(op: &str, values: &[f32]) -> Option<f32> {
        let mut graph = Graph::default();
        let value = |name: &str| Value { name: name.to_string(), ..Value::default() };
        let inputs = [
            graph.add_value(value("x")),
            graph.add_constant("m", Tensor::new(&[values.len()], values.to_vec()).unwrap()),
        ];
        let inputs = inputs.into_iter().map(Some).collect();
        graph.nodes.push(Node {
            name: "masked".to_string(),
            op: op.to_string(),
            domain: String::new(),
            attributes: Attributes::default(),
            inputs,
            outputs: Vec::new(),
        });
        mask_of(&graph, &graph.nodes[0]).map(|mask| mask.value)
    }

    #[test]
    fn masks_are_told_from_biases() {
        for low in [-10_000.0, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(found("Add", &[0.0, low, 0.0]), Some(low));
        }
        assert_eq!(found("Sub", &[0.0, 10_000.0]), Some(-10_000.0));
        for bias in [&[0.5f32, -3.0][..], &[0.0, -50.0], &[-5000.0, 4000.0], &[0.0, 10_000.0]] {
            assert_eq!(found("Add", bias), None, "{bias:?}");
        }
    }
}
