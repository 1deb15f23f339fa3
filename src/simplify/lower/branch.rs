//! An If whose condition is constant is the branch that it takes.

use std::collections::HashMap;

use crate::graph::{Attribute, Attributes, Graph, Node, Tensor, Value, ValueId};

pub fn take(graph: &mut Graph, node: &Node) -> Option<Vec<Node>> {
    let condition = match graph.constant(node, 0)? {
        Tensor::Bool(values) => *values.first()?,
        _ => return None,
    };
    let name = if condition { "then_branch" } else { "else_branch" };
    let Some(Attribute::Graph(branch)) = node.attributes.get(name) else { return None };
    let outputs: Vec<ValueId> = node.outputs.iter().copied().collect::<Option<_>>()?;
    (branch.outputs.len() == outputs.len()).then(|| inlined(graph, branch, &outputs))
}

/// The nodes of a branch with values of the graph around it, whose values `outputs` its own become.
fn inlined(graph: &mut Graph, branch: &Graph, outputs: &[ValueId]) -> Vec<Node> {
    let places = places(graph, branch, outputs);
    let outer = |id: &Option<ValueId>| id.and_then(|id| places.get(&id).copied());
    let mut nodes: Vec<Node> = branch.nodes.clone();
    for node in &mut nodes {
        node.inputs = node.inputs.iter().map(outer).collect();
        node.outputs = node.outputs.iter().map(outer).collect();
    }
    // A value that the branch only hands on is made by nothing in it.
    for (made, &output) in branch.outputs.iter().zip(outputs) {
        if let Some(&from) = places.get(made).filter(|&&from| from != output) {
            let (inputs, outputs) = (vec![Some(from)], vec![Some(output)]);
            let (op, domain) = ("Identity".to_owned(), String::new());
            nodes.push(Node { name: String::new(), op, domain, attributes: Attributes::default(), inputs, outputs });
        }
    }
    nodes
}

/// Maps values of the branch to values of the outer graph, by name if the branch does not make them.
fn places(graph: &mut Graph, branch: &Graph, outputs: &[ValueId]) -> HashMap<ValueId, ValueId> {
    let made: Vec<ValueId> = branch.nodes.iter().flat_map(|node| node.outputs.iter().flatten().copied()).collect();
    let mut places = HashMap::new();
    for (at, value) in branch.values.iter().enumerate().map(|(at, value)| (ValueId(at), value)) {
        let output = branch.outputs.iter().position(|output| *output == at).map(|port| outputs[port]);
        let place = match (&value.constant, output) {
            (Some(tensor), _) => graph.fresh_constant(&value.name, tensor.clone()),
            (None, Some(output)) if made.contains(&at) => output,
            (None, None) if made.contains(&at) => graph.fresh(&value.name),
            (None, _) => around(graph, value),
        };
        places.insert(at, place);
    }
    places
}

/// A value of the graph around the branch; one that it does not have stays without a producer, and is refused.
fn around(graph: &mut Graph, value: &Value) -> ValueId {
    let found = graph.values.iter().position(|other| other.name == value.name);
    found.map_or_else(|| graph.add_value(value.clone()), ValueId)
}
