//! States of samples during calibration, from which another one resumes: what lies before a changed layer does not run again.

use crate::exec::{Frontier, live_before, places_within};
use crate::graph::{Graph, NodeId, ValueId};
use crate::order;

use super::observations::Fingerprints;

/// Frontiers of all samples, at places of the network. Graph and samples are not part of them: keep one for each pair.
pub struct Frontiers {
    budget: usize,
    places: Vec<Place>,
}

/// All samples before one node.
struct Place {
    node: NodeId,
    /// Values that are still to be read, with what determines them besides the samples.
    live: Vec<(ValueId, blake3::Hash)>,
    samples: Vec<Frontier>,
}

impl Place {
    fn bytes(&self) -> usize {
        self.samples.iter().map(Frontier::bytes).sum()
    }

    /// Returns `true` if `values` would have the same elements here.
    fn holds(&self, graph: &Graph, values: &Fingerprints) -> bool {
        let live = live_before(graph, self.node);
        live.len() == self.live.len()
            && live.iter().zip(&self.live).all(|(value, (kept, made))| value == kept && values.of(*value) == *made)
    }
}

impl Frontiers {
    /// Makes an empty store. `budget` is in bytes; with 0, nothing is kept.
    pub fn new(budget: usize) -> Frontiers {
        Frontiers { budget, places: Vec::new() }
    }

    /// Frees all frontiers.
    pub fn clear(&mut self) {
        self.places.clear();
    }

    /// Returns the memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.places.iter().map(Place::bytes).sum()
    }

    /// Returns the nodes at which a run over `samples` samples is worth stopping: it begins before node `from`, and makes the `wanted`
    /// values.
    pub(super) fn places(&self, graph: &Graph, from: NodeId, wanted: &[bool], samples: usize) -> Vec<NodeId> {
        if self.budget == 0 {
            return Vec::new();
        }
        let makes = |node: &NodeId| graph.node(*node).outputs.iter().flatten().any(|made| wanted[made.0]);
        let last = graph.node_ids().filter(makes).last().unwrap_or(from);
        let mut places = places_within(graph, self.budget / samples.max(1));
        places.retain(|node| (from.0 + 1..=last.0).contains(&node.0));
        places
    }

    /// Returns the samples at the last place before which nothing differs, and at which all of `wanted` is still to be made.
    pub(super) fn before(&self, graph: &Graph, values: &Fingerprints, wanted: &[bool]) -> Option<&[Frontier]> {
        let is_wanted = |value: &ValueId| wanted.get(value.0) == Some(&true);
        if graph.inputs.iter().any(is_wanted) {
            return None;
        }
        let first = graph.nodes.iter().position(|node| node.outputs.iter().flatten().any(is_wanted))?;
        let usable = |place: &&Place| place.node.0 <= first && place.holds(graph, values);
        self.places.iter().rev().find(usable).map(|place| place.samples.as_slice())
    }

    /// Takes over the frontiers of a run, by sample and place. Those of before that still hold are kept; of all, those that take
    /// least memory, as far as the budget allows.
    pub(super) fn keep(&mut self, graph: &Graph, values: &Fingerprints, by_sample: Vec<Vec<Frontier>>) {
        let nodes: Vec<NodeId> = by_sample.first().into_iter().flatten().map(Frontier::next).collect();
        // A trial keeps none, and takes none away.
        if nodes.is_empty() {
            return;
        }
        self.places.retain(|place| !nodes.contains(&place.node) && place.holds(graph, values));
        let mut by_sample: Vec<std::vec::IntoIter<Frontier>> = by_sample.into_iter().map(Vec::into_iter).collect();
        for node in nodes {
            let samples: Vec<Frontier> = by_sample.iter_mut().filter_map(Iterator::next).collect();
            // A sample that has stopped elsewhere has run another program.
            if samples.len() < by_sample.len() || samples.iter().any(|sample| sample.next() != node) {
                break;
            }
            let live = live_before(graph, node).into_iter().map(|value| (value, values.of(value))).collect();
            self.places.push(Place { node, live, samples });
        }
        order::sort_by_key(&mut self.places, |place| place.node);
        while self.bytes() > self.budget {
            let largest = (0..self.places.len()).max_by_key(|&at| self.places[at].bytes());
            let Some(largest) = largest else { break };
            self.places.remove(largest);
        }
    }
}
