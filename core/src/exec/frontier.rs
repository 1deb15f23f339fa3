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

    /// Gives a run an input that it lacked, or takes one away that it does not read any more.
    pub fn set(&mut self, id: ValueId, value: Option<Tensor>) {
        self.values[id.0] = value;
    }

    /// Returns `true` if no node has run ahead, with the kernel before it.
    pub fn is_between_kernels(&self) -> bool {
        !self.done[self.next..].contains(&true)
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
