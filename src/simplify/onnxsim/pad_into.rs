//! Folding of a Pad before Conv or pooling into its own padding.

use crate::graph::edit::Links;
use crate::graph::{Attribute, Graph, Node, NodeId, Tensor};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) = links.before(node, 0).filter(|before| graph.node(*before).is("Pad")) else { return false };
    let filler = match node.op.as_str() {
        "Conv" | "AveragePool" => 0.0,
        // Padding is never the maximum.
        "MaxPool" => f32::NEG_INFINITY,
        _ => return false,
    };
    let pad = graph.node(before);
    let mode = pad.attributes.text("mode").unwrap_or("constant");
    let alone = pad.output(0).is_some_and(|padded| graph.uses(links, padded) == 1);
    if !node.domain.is_empty() || !alone || mode != "constant" || value(graph, pad) != Some(filler) {
        return false;
    }
    if !matches!(node.attributes.text("auto_pad"), None | Some("NOTSET")) {
        return false;
    }
    // onnxsim converts padding of an average to padding that counts, which a pool with its own padding that does not
    // count cannot express.
    let own = node.attributes.ints("pads").is_some_and(|pads| pads.iter().any(|&p| p != 0));
    let counts = node.attributes.int_or("count_include_pad", 0) == 1;
    if node.op == "AveragePool" && own && !counts {
        return false;
    }
    let Some(pads) = sum(graph, node, pad) else { return false };
    let input = pad.input(0);
    let node = &mut graph.nodes[id.0];
    node.inputs[0] = input;
    node.attributes.set("pads", Attribute::Ints(pads));
    node.attributes.0.remove("auto_pad");
    if node.op == "AveragePool" {
        node.attributes.set("count_include_pad", Attribute::Int(1));
    }
    true
}

fn value(graph: &Graph, pad: &Node) -> Option<f32> {
    if let Some(value) = pad.attributes.float("value") {
        return Some(value);
    }
    match pad.input(2) {
        None => Some(0.0),
        Some(_) => match graph.constant(pad, 2)? {
            Tensor::F32(a) => a.first().copied(),
            other => other.to_i64s()?.first().map(|&v| v as f32),
        },
    }
}

fn sum(graph: &Graph, node: &Node, pad: &Node) -> Option<Vec<i64>> {
    let added = graph.ints(pad, "pads", 1)?;
    let rank = graph.shape(pad.input(0)?)?.len();
    // Operator set 18 may pad selected axes only.
    if pad.input(3).is_some() || added.len() != 2 * rank || rank < 3 || added.iter().any(|&p| p < 0) {
        return None;
    }
    let (start, end) = added.split_at(rank);
    if [&start[..2], &end[..2]].concat().iter().any(|&p| p != 0) {
        return None;
    }
    let spatial = start[2..].iter().chain(&end[2..]).copied();
    match node.attributes.ints("pads") {
        None => Some(spatial.collect()),
        Some(own) if own.len() == 2 * (rank - 2) => {
            own.iter().zip(spatial).map(|(own, more)| own.checked_add(more)).collect()
        }
        Some(_) => None,
    }
}
