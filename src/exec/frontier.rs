//! State of one sample between two nodes: a run can stop there, be kept, and go on.

use crate::graph::{NodeId, Tensor, ValueId};

use super::program::bytes;

/// State of one sample between two nodes.
#[derive(Clone)]
pub struct Frontier {
    /// Values that are still to be read.
    pub(super) values: Vec<Option<Tensor>>,
    /// Next node.
    pub(super) next: usize,
    /// Nodes that have run ahead, with the kernel before them.
    pub(super) done: Vec<bool>,
}

impl Frontier {
    /// Returns a value that is still to be read.
    pub fn value(&self, id: ValueId) -> Option<&Tensor> {
        self.values[id.0].as_ref()
    }

    /// The next node.
    pub fn next(&self) -> NodeId {
        NodeId(self.next)
    }

    /// Returns the size of its values in bytes.
    pub fn bytes(&self) -> usize {
        bytes(&self.values)
    }
}
