//! Simplification of Where(Not(c), x, y) to Where(c, y, x), and of ArgMax of a rising function to ArgMax of its
//! argument.

use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId};

pub fn without_not(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) = links.before(node, 0).filter(|b| node.is("Where") && graph.node(*b).is("Not")) else {
        return false;
    };
    let not = graph.node(before);
    if node.inputs.len() != 3 || not.output(0).is_none_or(|made| graph.uses(links, made) != 1) {
        return false;
    }
    let condition = not.input(0);
    let inputs = &mut graph.nodes[id.0].inputs;
    inputs[0] = condition;
    inputs.swap(1, 2);
    true
}

/// Functions that never fall, so that the largest argument has the largest value.
const RISING: [&str; 3] = ["Exp", "Log", "Sqrt"];

pub fn arg_max(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) = links.before(node, 0).filter(|_| node.is("ArgMax")) else { return false };
    let function = graph.node(before);
    let Some(axis) = node.attributes.int("axis") else { return false };
    let along =
        matches!(function.op.as_str(), "Softmax" | "LogSoftmax") && function.attributes.int("axis") == Some(axis);
    let rising = function.domain.is_empty() && (along || RISING.contains(&function.op.as_str()));
    if !rising || function.output(0).is_none_or(|made| graph.uses(links, made) != 1) {
        return false;
    }
    let input = function.input(0);
    graph.nodes[id.0].inputs[0] = input;
    true
}
