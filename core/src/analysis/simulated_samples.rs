//! Simulated samples that a later simulation resumes: after a change of one layer, only nodes from there on run again.

use crate::detect::FoundBoxes;
use crate::exec::{self, Frontier};
use crate::graph::{Graph, NodeId, ValueId};

use super::compare::Comparison;
use super::joints::PartSums;
use super::sample_frontiers::SampleFrontiers;

/// Frontiers and comparisons of the last simulation of each sample.
pub struct SimulatedSamples {
    watched: Vec<ValueId>,
    samples: Vec<Simulated>,
    budget: usize,
}

/// One sample.
#[derive(Default)]
pub(super) struct Simulated {
    pub frontiers: SampleFrontiers,
    /// One comparison per watched value, then one per output of the model.
    pub compared: Vec<Comparison>,
    /// Sums by part of each watched joint.
    pub joined: Vec<Option<Vec<PartSums>>>,
    /// Boxes of the float network beside those of the simulation.
    pub boxes: Option<FoundBoxes>,
}

impl SimulatedSamples {
    /// Makes an empty store. `budget` is in bytes; with 0, nothing is kept.
    pub fn new(budget: usize) -> SimulatedSamples {
        SimulatedSamples { watched: Vec::new(), samples: Vec::new(), budget }
    }

    /// Frees all samples.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// Returns the memory in use, in bytes; a value in two frontiers counts twice.
    pub fn bytes(&self) -> usize {
        self.samples.iter().map(|sample| sample.frontiers.bytes()).sum()
    }

    /// Returns the nodes before which frontiers of `samples` are kept.
    pub(super) fn places(&self, graph: &Graph, samples: usize) -> Vec<NodeId> {
        if self.budget == 0 { Vec::new() } else { exec::places_within(graph, self.share(samples)) }
    }

    /// Returns the sample, and its last frontier before which nothing has changed. `same` is the number of leading nodes
    /// that are simulated as before.
    pub(super) fn before(&self, sample: usize, same: usize, watched: &[ValueId]) -> Option<(&Simulated, &Frontier)> {
        let kept = self.samples.get(sample).filter(|_| watched.is_empty() || self.watched == watched)?;
        Some((kept, kept.frontiers.before(NodeId(same))?))
    }

    /// Returns the memory for the frontiers of each sample if `samples` are kept, in bytes.
    pub(super) fn share(&self, samples: usize) -> usize {
        self.budget / samples.max(self.samples.len()).max(1)
    }

    /// Keeps the first samples, each within its share of the memory, and what was simulated of the others.
    pub(super) fn keep(&mut self, watched: Vec<ValueId>, samples: Vec<Simulated>) {
        let share = self.share(samples.len());
        if self.watched != watched {
            self.samples.clear();
        }
        self.watched = watched;
        self.samples.splice(..samples.len().min(self.samples.len()), samples);
        self.samples.iter_mut().for_each(|sample| sample.frontiers.fit(share));
    }
}
