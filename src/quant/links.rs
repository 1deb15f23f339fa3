//! Who feeds whom, as the passes ask it.

use crate::graph::{Graph, NodeId, ValueId};

/// Producers and consumers of a graph, looked up once.
pub struct Links {
    producers: Vec<Option<(NodeId, usize)>>,
    consumers: Vec<Vec<(NodeId, usize)>>,
}

impl Links {
    pub fn new(graph: &Graph) -> Links {
        Links { producers: graph.producers(), consumers: graph.consumers() }
    }

    /// The node that makes what `node` reads at `port`.
    pub fn source(&self, graph: &Graph, node: NodeId, port: usize) -> Option<NodeId> {
        let value = graph.node(node).inputs.get(port).copied().flatten()?;
        self.producer(value).map(|(node, _)| node)
    }

    pub fn producer(&self, value: ValueId) -> Option<(NodeId, usize)> {
        self.producers.get(value.0).copied().flatten()
    }

    /// Nodes and ports that read a value. A node that reads it twice stands here twice, both times with
    /// its first such port: its second reading is a matter of its own (`Variable.dest_idx` in esp-ppq).
    pub fn readers(&self, graph: &Graph, value: ValueId) -> Vec<(NodeId, usize)> {
        let readers = self.consumers.get(value.0).into_iter().flatten();
        let first = |node: NodeId| graph.node(node).inputs.iter().position(|&i| i == Some(value));
        readers.filter_map(|&(node, _)| Some((node, first(node)?))).collect()
    }

    /// One entry a reading; the model's outputs do not count.
    pub fn downstream(&self, graph: &Graph, node: NodeId) -> Vec<NodeId> {
        let outputs = graph.node(node).outputs.iter().flatten();
        outputs.flat_map(|v| self.consumers.get(v.0).into_iter().flatten().map(|&(reader, _)| reader)).collect()
    }

    /// One entry an input that another node makes.
    pub fn upstream(&self, graph: &Graph, node: NodeId) -> Vec<NodeId> {
        graph.node(node).inputs.iter().flatten().filter_map(|&v| self.producer(v).map(|(n, _)| n)).collect()
    }
}
