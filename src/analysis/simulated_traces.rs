//! Simulated samples that a later simulation resumes: after a change of one layer, only nodes from there on run again.

use crate::detect::FoundBoxes;
use crate::exec::{self, Frontier};
use crate::graph::{Graph, NodeId, ValueId};

use super::compare::Comparison;
use super::joints::PartSums;

/// Frontiers and comparisons of the last simulation of each sample.
pub struct SimulatedTraces {
    pub(super) watched: Vec<ValueId>,
    pub(super) samples: Vec<Simulated>,
    budget: usize,
}

/// One sample.
#[derive(Default)]
pub(super) struct Simulated {
    /// Frontiers, in ascending order.
    pub frontiers: Vec<Frontier>,
    /// One comparison per watched value, then one per output of the model.
    pub compared: Vec<Comparison>,
    /// Sums by part of each watched joint.
    pub joined: Vec<Option<Vec<PartSums>>>,
    /// Boxes of the float network beside those of the simulation.
    pub boxes: Option<FoundBoxes>,
}

impl SimulatedTraces {
    /// Makes an empty store. `budget` is in bytes; with 0, nothing is kept.
    pub fn new(budget: usize) -> SimulatedTraces {
        SimulatedTraces { watched: Vec::new(), samples: Vec::new(), budget }
    }

    /// Frees all samples.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// Returns the memory in use, in bytes; a value in two frontiers counts twice.
    pub fn bytes(&self) -> usize {
        self.samples.iter().flat_map(|sample| &sample.frontiers).map(Frontier::bytes).sum()
    }

    /// Returns the nodes before which frontiers are kept.
    pub(super) fn places(&self, graph: &Graph) -> Vec<NodeId> {
        if self.budget == 0 { Vec::new() } else { exec::places(graph) }
    }

    /// Returns the sample, and its last frontier before which nothing has changed. `same` is the number of leading nodes
    /// that are simulated as before.
    pub(super) fn before(&self, sample: usize, same: usize, watched: &[ValueId]) -> Option<(&Simulated, &Frontier)> {
        let kept = self.samples.get(sample).filter(|_| watched.is_empty() || self.watched == watched)?;
        Some((kept, kept.frontiers.iter().rev().find(|frontier| frontier.next().0 <= same)?))
    }

    /// Drops the largest frontiers of a sample that exceed its share of the memory.
    pub(super) fn fit(&self, frontiers: &mut Vec<Frontier>, samples: usize) {
        let mut by_size: Vec<(usize, usize)> = frontiers.iter().map(Frontier::bytes).zip(0..).collect();
        by_size.sort_unstable();
        let mut left = self.budget / samples.max(1);
        let mut kept: Vec<bool> = vec![false; frontiers.len()];
        for (bytes, at) in by_size {
            kept[at] = bytes <= left;
            left = left.saturating_sub(bytes);
        }
        let mut kept = kept.into_iter();
        frontiers.retain(|_| kept.next().unwrap_or_default());
    }
}
