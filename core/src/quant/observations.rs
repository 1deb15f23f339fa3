//! Observations of calibration, separate from the decisions made from them: the engine keeps them when a layer changes.
//!
//! An observation is valid for the same graph and the same samples as long as everything upstream of the value is
//! quantized in the same way; that, the observer and the width are its key. A change of a layer's precision invalidates
//! only observations downstream of it. A change of a layer's method invalidates only that layer's own ports (and kl or
//! mse ports downstream of ports that the first pass settles). Graph and samples are not part of the key: keep one
//! [`Observations`] for each pair of them.
//!
//! The most recent observation of each value is kept in addition, whatever its upstream precision: changing that rarely
//! moves a scale by a power of two, so it predicts the result of calibration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::observe::Extremes;
use super::plan::Plan;
use crate::chip::{Method, Rounding};
use crate::exec::{FakeQuant, NodeSimulation, Simulation};
use crate::graph::ValueId;

/// Observation of one port: its range over all samples (for percentile, the mean of the samples' percentiles), and the
/// resulting exponent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Lower end of the range.
    pub min: f64,
    /// Upper end of the range.
    pub max: f64,
    /// log2 of the scale that the observer chooses.
    pub exponent: i32,
}

/// Observations by key; small enough to keep for every setting that the user has tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observations {
    by_key: BTreeMap<String, Observation>,
    newest: BTreeMap<String, Observation>,
    /// Predictions for searches.
    #[serde(skip)]
    predicted: BTreeMap<String, Observation>,
}

impl Observations {
    /// Returns the number of kept observations.
    pub fn count(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn get(&self, key: &str) -> Option<Observation> {
        self.by_key.get(key).copied()
    }

    pub(super) fn keep(&mut self, key: String, port: &Asked, observation: Observation) {
        self.by_key.insert(key, observation);
        self.keep_newest(port, observation);
    }

    /// Keeps an observation that is likely for any precision upstream.
    pub(super) fn keep_newest(&mut self, port: &Asked, observation: Observation) {
        self.newest.insert(port.name(), observation);
        if port.method.takes_histogram() {
            self.newest.insert(port.range().name(), observation);
        }
    }

    /// Keeps a prediction for searches.
    pub(super) fn keep_prediction(&mut self, port: &Asked, observation: Observation) {
        self.predicted.insert(port.name(), observation);
    }

    /// Returns the prediction for searches.
    pub(super) fn predicted(&self, port: &Asked) -> Option<Observation> {
        self.predicted.get(&port.name()).copied()
    }

    /// Returns the most recent range of a port's value.
    pub(super) fn range(&self, port: &Asked) -> Option<Extremes> {
        let Observation { min, max, .. } = self.recall(&port.range())?;
        Some(Extremes { min, max })
    }

    /// Returns the most recent observation of a port, whatever the precision upstream.
    pub(super) fn recall(&self, port: &Asked) -> Option<Observation> {
        let &Observation { min, max, exponent } = self.newest.get(&port.name())?;
        let ranged = !port.method.takes_histogram();
        let exponent = if ranged { Extremes { min, max }.exponent(port.bits) } else { exponent };
        Some(Observation { min, max, exponent })
    }
}

/// Request for an observation of a value.
pub(super) struct Asked<'a> {
    pub value: &'a str,
    /// Digest of the network's constants; `None` if they are the original's.
    pub edits: Option<blake3::Hash>,
    pub method: Method,
    pub bits: u32,
}

impl Asked<'_> {
    /// Request for its range, which every method but percentile computes, and which is all that minmax needs for any
    /// width.
    pub fn range(&self) -> Asked<'_> {
        Asked { method: Method::MinMax, ..*self }
    }

    fn name(&self) -> String {
        let edits = self.edits.map(|digest| format!(" {}", &digest.to_hex()[..16])).unwrap_or_default();
        match self.method {
            Method::MinMax => format!("range {}{edits}", self.value),
            // The same elements for any width.
            Method::Percentile => format!("percentiles {}{edits}", self.value),
            method => format!("{method:?} {} {}{edits}", self.bits, self.value),
        }
    }
}

/// Fingerprints, one per value, of everything that determines a graph's values besides its samples.
pub(super) struct Fingerprints(Vec<blake3::Hash>);

impl Fingerprints {
    pub fn new(plan: &Plan, simulation: &Simulation) -> Fingerprints {
        let graph = &plan.graph;
        let mut values: Vec<blake3::Hash> = graph.values.iter().map(|v| blake3::hash(v.name.as_bytes())).collect();
        for ((id, node), simulated) in graph.node_ids().zip(&graph.nodes).zip(simulation) {
            let mut hasher = blake3::Hasher::new();
            hasher.update(node.name.as_bytes());
            for (_, digest) in plan.edited.range((id, 0)..=(id, usize::MAX)) {
                hasher.update(digest.as_bytes());
            }
            for input in node.inputs.iter().flatten() {
                hasher.update(values[input.0].as_bytes());
            }
            if let Some(NodeSimulation { inputs, outputs, .. }) = simulated {
                inputs.iter().chain(outputs).for_each(|q| update(&mut hasher, q.as_ref()));
            }
            for (port, output) in (0u64..).zip(&node.outputs) {
                if let Some(output) = output {
                    values[output.0] = hasher.clone().update(&port.to_le_bytes()).finalize();
                }
            }
        }
        Fingerprints(values)
    }

    /// Returns the fingerprint of a value.
    pub fn of(&self, value: ValueId) -> blake3::Hash {
        self.0[value.0]
    }

    /// Returns the key of a port that observes `value`; `first` are the fingerprints of the first pass.
    pub fn key(&self, first: &Fingerprints, value: usize, method: Method, bits: u32) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(first.0[value].as_bytes());
        if method.takes_histogram() {
            hasher.update(self.0[value].as_bytes());
        }
        hasher.update(format!("{method:?} {bits}").as_bytes());
        hasher.finalize().to_hex().as_str()[..32].to_owned()
    }
}

fn update(hasher: &mut blake3::Hasher, quant: Option<&FakeQuant>) {
    let Some(FakeQuant { exponents, axis, bits, rounding }) = quant else {
        hasher.update(b"float");
        return;
    };
    for exponent in exponents {
        hasher.update(&exponent.to_le_bytes());
    }
    let half_up = matches!(rounding, Rounding::HalfUp);
    hasher.update(format!("{axis:?} {bits} {half_up}").as_bytes());
}
