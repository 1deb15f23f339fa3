//! Merging of nested Concats along the same axis; Log(Softmax(x)) becomes LogSoftmax.

use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId};

pub fn merge(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    if !node.is("Concat") {
        return false;
    }
    for port in 0..node.inputs.len() {
        let (Some(before), Some(part)) = (links.before(node, port), node.input(port)) else { continue };
        let inner = graph.node(before);
        let same_axis = inner.is("Concat") && inner.attributes.int("axis") == node.attributes.int("axis");
        if same_axis && graph.uses(links, part) == 1 {
            let parts = inner.inputs.clone();
            graph.nodes[id.0].inputs.splice(port..=port, parts);
            return true;
        }
    }
    false
}

pub fn log_softmax(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let log = graph.node(id);
    let Some(before) = links.before(log, 0).filter(|before| log.is("Log") && graph.node(*before).is("Softmax")) else {
        return false;
    };
    let softmax = graph.node(before);
    if softmax.output(0).is_none_or(|made| graph.uses(links, made) != 1) {
        return false;
    }
    let (inputs, attributes) = (softmax.inputs.clone(), softmax.attributes.clone());
    graph.numbered += 1;
    let node = &mut graph.nodes[id.0];
    node.op = "LogSoftmax".to_owned();
    node.name.clear();
    node.inputs = inputs;
    node.attributes = attributes;
    true
}
