//! Forms of operators that ESP-DL 3.3.9 does not run as ONNX defines them, one table for graphs and for files.
//!
//! Lint checks a graph's nodes, the export and `inspect` a file's, by the same limits. Limits that only a written
//! file can break (packed weights, exponents, tables) are in `fit`. Never: precisions, exponents.

mod file_node;
mod graph_node;
mod ranks;
mod recurrent;
mod rows;
mod slopes;
mod windows;

use crate::chip::{Limit, NodeView, Scheme};
use crate::graph::{Graph, NodeId};
use crate::ops::resize::limits as resize;

pub use file_node::FileNode;
pub use graph_node::GraphNode;

/// Every limit, in the order in which a node's are reported.
pub static LIMITS: &[&Limit] = &[
    &ranks::SPATIAL,
    &windows::BATCH,
    &windows::GROUPS,
    &windows::DILATED_POOLING,
    &windows::POOLED_INDICES,
    &windows::CEIL_MODE,
    &windows::AVERAGE_OF_PADS,
    &windows::CONV_TRANSPOSE,
    &resize::MODE,
    &resize::ANTIALIAS,
    &resize::AXES,
    &resize::CHANNELS,
    &resize::SIZE,
    &resize::ONE_PLACE,
    &resize::NEAREST,
    &resize::COORDINATES,
    &ranks::ELEMENTWISE,
    &ranks::REDUCED,
    &ranks::MATMUL,
    &ranks::PAD_MODE,
    &ranks::PAD_AXES,
    &ranks::PAD_NEGATIVE,
    &ranks::PAD_RANK,
    &rows::GATHER_INDICES,
    &rows::SOFTMAX_AXES,
    &rows::CONCAT_ONE,
    &rows::DEPTH_TO_SPACE,
    &rows::SPACE_TO_DEPTH,
    &recurrent::DIRECTION,
    &recurrent::CLIP,
    &recurrent::LENGTHS,
    &recurrent::BATCH,
    &recurrent::LAYOUT,
    &recurrent::PEEPHOLES,
    &recurrent::ACTIVATIONS,
    &recurrent::RESET,
    &recurrent::INPUT_FORGET,
    &slopes::SLOPES,
    &slopes::CLIP_BELOW,
];

/// Returns the first limit that a node breaks, and what of the node does.
pub fn violation(node: &dyn NodeView) -> Option<(String, &'static Limit)> {
    LIMITS.iter().find_map(|limit| Some((limit.violation(node)?, *limit)))
}

/// A limit that a node of a graph breaks.
pub struct Violation {
    pub node: NodeId,
    pub what: String,
    pub limit: &'static Limit,
    /// The node would keep the limit at another precision.
    pub depends_on_precision: bool,
}

/// Returns every node of a graph that breaks a limit, in the graph's order; `scheme` is a node's precision, where it is
/// planned.
pub fn violations(graph: &Graph, scheme: impl Fn(NodeId) -> Option<Scheme>) -> Vec<Violation> {
    let broken = |id| {
        let (what, limit) = violation(&GraphNode::new(graph, id, scheme(id)))?;
        let keeps = |other: &Scheme| limit.violation(&GraphNode::new(graph, id, Some(*other))).is_none();
        Some(Violation { node: id, what, limit, depends_on_precision: Scheme::ALL.iter().any(keeps) })
    };
    graph.node_ids().filter_map(broken).collect()
}

#[cfg(test)]
mod tests;
