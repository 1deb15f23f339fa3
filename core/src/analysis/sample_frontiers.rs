//! Frontiers of one sample, from which a later run resumes: only nodes from there on run again.

use crate::exec::Frontier;
use crate::graph::NodeId;

/// Frontiers of one sample in one program, in ascending order.
#[derive(Clone, Default)]
pub(super) struct SampleFrontiers(Vec<Frontier>);

impl SampleFrontiers {
    /// Returns the last one before which at most the nodes before `node` have run.
    pub fn before(&self, node: NodeId) -> Option<&Frontier> {
        self.0.iter().rev().find(|frontier| frontier.next() <= node)
    }

    /// Returns those in front of `node`, and at it.
    pub fn until(&self, node: NodeId) -> SampleFrontiers {
        SampleFrontiers(self.0.iter().filter(|frontier| frontier.next() <= node).cloned().collect())
    }

    /// Adds the state of a run behind all others, unless it is within a kernel and its clamp.
    pub fn push(&mut self, state: &Frontier) {
        if state.is_between_kernels() {
            self.0.push(state.clone());
        }
    }

    /// Drops the largest ones while all exceed `most` bytes.
    pub fn fit(&mut self, most: usize) {
        let mut by_size: Vec<(usize, usize)> = self.0.iter().map(Frontier::bytes).zip(0..).collect();
        by_size.sort_unstable();
        let mut left = most;
        let mut kept: Vec<bool> = vec![false; self.0.len()];
        for (bytes, at) in by_size {
            kept[at] = bytes <= left;
            left = left.saturating_sub(bytes);
        }
        let mut kept = kept.into_iter();
        self.0.retain(|_| kept.next().unwrap_or_default());
    }

    /// Returns the memory in use, in bytes; a value in two frontiers counts twice.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(Frontier::bytes).sum()
    }
}
