//! Merging of two consecutive Transposes.

use crate::graph::edit::Links;
use crate::graph::{Attribute, Graph, NodeId};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) =
        links.before(node, 0).filter(|before| node.is("Transpose") && graph.node(*before).is("Transpose"))
    else {
        return false;
    };
    let (first, second) = (graph.node(before).attributes.ints("perm"), node.attributes.ints("perm"));
    let (Some(first), Some(second)) = (first, second) else { return false };
    let perm: Option<Vec<i64>> =
        second.iter().map(|&axis| usize::try_from(axis).ok().and_then(|axis| first.get(axis).copied())).collect();
    let Some(perm) = perm else { return false };
    let input = graph.node(before).input(0);
    let node = &mut graph.nodes[id.0];
    node.attributes.set("perm", Attribute::Ints(perm));
    node.inputs[0] = input;
    true
}
