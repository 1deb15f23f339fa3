//! Producers and consumers of values, in the form that passes need.

use crate::graph::{Graph, NodeId, ValueId};

/// Producers and consumers of a graph, collected once.
pub struct Links {
    producers: Vec<Option<(NodeId, usize)>>,
    consumers: Vec<Vec<(NodeId, usize)>>,
}

impl Links {
    pub fn new(graph: &Graph) -> Links {
        Links { producers: graph.producers(), consumers: graph.consumers() }
    }

    /// Returns the node that makes the input of `node` at `port`.
    pub fn source(&self, graph: &Graph, node: NodeId, port: usize) -> Option<NodeId> {
        let value = graph.node(node).inputs.get(port).copied().flatten()?;
        self.producer(value).map(|(node, _)| node)
    }

    pub fn producer(&self, value: ValueId) -> Option<(NodeId, usize)> {
        self.producers.get(value.0).copied().flatten()
    }

    /// Returns nodes and ports that read a value. A node that reads it twice is listed twice, both times with its first
    /// such port, as in esp-ppq (`Variable.dest_idx`).
    pub fn readers(&self, graph: &Graph, value: ValueId) -> Vec<(NodeId, usize)> {
        let readers = self.consumers.get(value.0).into_iter().flatten();
        let first = |node: NodeId| graph.node(node).inputs.iter().position(|&i| i == Some(value));
        readers.filter_map(|&(node, _)| Some((node, first(node)?))).collect()
    }

    /// Returns the nodes that read outputs of `node`, once per reading port; the model's outputs do not count.
    pub fn downstream(&self, graph: &Graph, node: NodeId) -> Vec<NodeId> {
        let outputs = graph.node(node).outputs.iter().flatten();
        outputs.flat_map(|v| self.consumers.get(v.0).into_iter().flatten().map(|&(reader, _)| reader)).collect()
    }

    /// Returns the nodes that make inputs of `node`, once per port.
    pub fn upstream(&self, graph: &Graph, node: NodeId) -> Vec<NodeId> {
        graph.node(node).inputs.iter().flatten().filter_map(|&v| self.producer(v).map(|(n, _)| n)).collect()
    }
}
