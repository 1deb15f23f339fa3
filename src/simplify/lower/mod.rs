//! Operators that neither esp-ppq nor ESP-DL has, written with those that they have: before any other rewrite, one
//! operator a file.

mod branch;
mod cast_like;
mod einsum;
mod reduction;

use super::fold;
use crate::graph::{Graph, Node};

/// Rewrite of a node: the nodes that replace it, or `None` if they need facts of the graph that are not known.
type Lowering = fn(&mut Graph, &Node) -> Option<Vec<Node>>;

const LOWERINGS: &[(&str, Lowering)] = &[
    ("If", branch::take),
    ("CastLike", cast_like::as_cast),
    ("Einsum", einsum::as_matmul),
    ("ReduceSum", reduction::of_nothing),
    ("ReduceMean", reduction::of_nothing),
    ("ReduceMax", reduction::of_nothing),
    ("ReduceMin", reduction::of_nothing),
    ("ReduceProd", reduction::of_nothing),
    ("ReduceLogSumExp", reduction::of_nothing),
    ("ReduceL1", reduction::of_nothing),
    ("ReduceL2", reduction::of_nothing),
    ("ReduceLogSum", reduction::of_nothing),
    ("ReduceSumSquare", reduction::of_nothing),
];

/// Rewrites what can be rewritten, until nothing more is known. What is left is refused with the other unknown operators.
pub fn lower(graph: &mut Graph) {
    while graph.nodes.iter().any(|node| lowering(node).is_some()) {
        fold::infer_known(graph);
        // A condition, and the shapes of what Einsum reads, are often computed from shapes. What a branch reads must not be
        // folded away with its last reader.
        if graph.nodes.iter().any(|node| node.is("If") || node.is("Einsum")) {
            while fold::fold(graph) {
                fold::infer_known(graph);
            }
        }
        if !once(graph) {
            break;
        }
    }
}

fn lowering(node: &Node) -> Option<Lowering> {
    let found = LOWERINGS.iter().find(|(op, _)| node.is(op))?;
    Some(found.1)
}

/// Every node once; true where one was rewritten.
fn once(graph: &mut Graph) -> bool {
    let mut changed = false;
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        match lowering(&node).and_then(|lower| lower(graph, &node)) {
            Some(parts) => {
                changed = true;
                nodes.extend(parts);
            }
            None => nodes.push(node),
        }
    }
    graph.nodes = nodes;
    changed
}
