//! A reduction over no axes, which leaves each element alone: it is the function of one element.

use crate::graph::{Attributes, Graph, Node};

pub fn of_nothing(graph: &mut Graph, node: &Node) -> Option<Vec<Node>> {
    let axes = match node.input(1) {
        Some(_) => graph.constant(node, 1)?.to_i64s()?,
        None => node.attributes.ints("axes").unwrap_or_default().to_vec(),
    };
    if node.attributes.int_or("noop_with_empty_axes", 0) == 0 || !axes.is_empty() {
        return None;
    }
    let x = node.input(0);
    let (op, inputs) = match node.op.as_str() {
        "ReduceL1" | "ReduceL2" => ("Abs", vec![x]),
        "ReduceLogSum" => ("Log", vec![x]),
        "ReduceSumSquare" => ("Mul", vec![x, x]),
        _ => ("Identity", vec![x]),
    };
    Some(vec![Node { op: op.to_owned(), attributes: Attributes::default(), inputs, ..node.clone() }])
}
