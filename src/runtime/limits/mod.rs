//! Checks of nodes against the limits of their operators, in graphs and files: the same for lint, export and `inspect`.
//!
//! Limits are defined with their operators. Never: definitions of limits.

mod file_node;
mod graph_node;

use crate::chip::{Limit, NodeView, Scheme};
use crate::graph::{Graph, NodeId};
use crate::ops;

pub use file_node::FileNode;
pub use graph_node::{Exponents, GraphNode};

/// Returns the limits that a node violates, with a description of the fault, in the order of the operator's list.
pub fn of_node(node: &dyn NodeView) -> impl Iterator<Item = (String, &'static Limit)> {
    let limits = ops::on_chip(node.op()).map_or(&[][..], |chip| chip.limits);
    limits.iter().filter_map(move |limit| Some((limit.violation(node)?, *limit)))
}

/// Limit that a node of a graph violates.
pub struct Violation {
    /// Node of the graph.
    pub node: NodeId,
    /// Fault of the node, with the values of its attributes.
    pub what: String,
    /// First violated limit in the order of the operator's list.
    pub limit: &'static Limit,
    /// Set if the node would not violate the limit at another precision.
    pub depends_on_precision: bool,
}

/// Returns the first limit that each node of a graph violates, in the graph's order.
pub fn of_graph<'g>(graph: &'g Graph, view: impl Fn(NodeId) -> GraphNode<'g>) -> Vec<Violation> {
    let broken = |id| {
        let (what, limit) = of_node(&view(id)).next()?;
        let keeps = |scheme: &Scheme| {
            let other = GraphNode { scheme: Some(*scheme), ..view(id) };
            limit.violation(&other).is_none()
        };
        Some(Violation { node: id, what, limit, depends_on_precision: Scheme::ALL.iter().any(keeps) })
    };
    graph.node_ids().filter_map(broken).collect()
}

#[cfg(test)]
mod tests;
