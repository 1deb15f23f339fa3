//! Forms of operators that ESP-DL 3.3.9 does not run as ONNX defines them, one table for graphs and for files.
//!
//! Lint checks a graph's nodes, the export and `inspect` a file's, by the same limits. Limits that only a written
//! file can break (packed weights, exponents, tables) are in `fit`. Never: precisions, exponents.

mod file_node;
mod graph_node;
mod ranks;
mod recurrent;
mod rows;
mod windows;

use crate::chip::{Limit, NodeView};
use crate::graph::{Graph, NodeId};

pub use file_node::FileNode;
pub use graph_node::GraphNode;

/// Every limit, in the order in which a node's are reported.
pub static LIMITS: &[&Limit] = &[
    &ranks::SPATIAL,
    &windows::GROUPS,
    &windows::DILATED_POOLING,
    &windows::POOLED_INDICES,
    &windows::AVERAGE_OF_PADS,
    &windows::CONV_TRANSPOSE,
    &windows::RESIZE_MODE,
    &windows::RESIZE_ANTIALIAS,
    &windows::RESIZE_COORDINATES,
    &ranks::ELEMENTWISE,
    &ranks::REDUCED,
    &ranks::MATMUL,
    &ranks::PAD_MODE,
    &ranks::PAD_AXES,
    &ranks::PAD_RANK,
    &rows::GATHER_INDICES,
    &rows::SOFTMAX_AXES,
    &rows::CONCAT_ONE,
    &rows::DEPTH_TO_SPACE,
    &rows::SPACE_TO_DEPTH,
    &recurrent::DIRECTION,
    &recurrent::CLIP,
    &recurrent::LENGTHS,
    &recurrent::PEEPHOLES,
    &recurrent::ACTIVATIONS,
    &recurrent::RESET,
    &recurrent::INPUT_FORGET,
];

/// Returns the first limit that a node breaks, and what of the node does.
pub fn violation(node: &dyn NodeView) -> Option<(String, &'static Limit)> {
    LIMITS.iter().find_map(|limit| Some((limit.violation(node)?, *limit)))
}

/// Returns every node of a graph that breaks a limit, in the graph's order.
pub fn violations(graph: &Graph) -> Vec<(NodeId, String, &'static Limit)> {
    let broken = |id| violation(&GraphNode::new(graph, id)).map(|(what, limit)| (id, what, limit));
    graph.node_ids().filter_map(broken).collect()
}

#[cfg(test)]
mod tests;
