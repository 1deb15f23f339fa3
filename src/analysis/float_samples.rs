//! Analyzed samples in the float network, as far as the next measurement needs them: outputs, all values where there is memory for
//! them, and frontiers from which the others are run again.

use crate::Result;
use crate::exec::{Frontier, OnValue, Program, Samples, Trace};
use crate::graph::{NodeId, Tensor, ValueId};
use crate::quant::FloatRuns;

use super::sample_frontiers::SampleFrontiers;

/// Samples in float, from the first.
pub struct FloatSamples {
    /// Outputs of the model by sample; those of most networks are small.
    outputs: Vec<Vec<Tensor>>,
    frontiers: Vec<SampleFrontiers>,
    /// All values of the first samples.
    traces: Vec<Trace>,
    /// Memory of the traces in bytes.
    used: usize,
    budget: Budget,
}

/// Memory for samples in float.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes for frontiers of all samples.
    pub frontiers: usize,
    /// Bytes for all values of the first samples.
    pub traces: usize,
}

/// Memory for outputs of the model in bytes, beside the budget for frontiers.
const OUTPUTS: usize = 32 << 20;

impl FloatSamples {
    /// Makes an empty store.
    pub fn new(budget: Budget) -> FloatSamples {
        FloatSamples { outputs: Vec::new(), frontiers: Vec::new(), traces: Vec::new(), used: 0, budget }
    }

    /// Returns the memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.used + bytes(&self.outputs) + self.frontiers.iter().map(SampleFrontiers::bytes).sum::<usize>()
    }

    /// Returns the number of samples with frontiers.
    fn samples(&self) -> usize {
        self.frontiers.len()
    }

    /// Frees the traces.
    pub fn free_traces(&mut self) {
        self.traces.clear();
        self.used = 0;
    }

    /// Frees all samples.
    pub fn clear(&mut self) {
        self.free_traces();
        self.outputs.clear();
        self.frontiers.clear();
    }

    /// Returns all values of a sample.
    pub(super) fn trace(&self, sample: usize) -> Option<&Trace> {
        self.traces.get(sample)
    }

    /// Returns `true` if traces of `bytes` up to that of `sample` have room.
    pub(super) fn has_room(&self, sample: usize, bytes: usize) -> bool {
        let new = (sample + 1).saturating_sub(self.traces.len());
        self.used.saturating_add(new.saturating_mul(bytes)) <= self.budget.traces
    }

    /// Keeps the trace of the sample after the last one kept if there is room.
    pub(super) fn keep_trace(&mut self, sample: usize, trace: Trace) {
        let bytes = trace.bytes();
        if sample == self.traces.len() && self.used.saturating_add(bytes) <= self.budget.traces {
            self.used += bytes;
            self.traces.push(trace);
        }
    }

    /// Returns the outputs of the model with a sample.
    pub(super) fn outputs(&self, sample: usize) -> Option<&[Tensor]> {
        self.outputs.get(sample).map(Vec::as_slice)
    }

    /// Keeps the outputs of the first samples if there is room, and if there are more than before.
    pub(super) fn keep_outputs(&mut self, outputs: Vec<Vec<Tensor>>) {
        if outputs.len() > self.outputs.len() && bytes(&outputs) <= OUTPUTS {
            self.outputs = outputs;
        }
    }

    /// Returns the last frontier of a sample before which at most the nodes before `node` have run.
    pub(super) fn before(&self, sample: usize, node: NodeId) -> Option<&Frontier> {
        self.frontiers.get(sample)?.before(node)
    }

    /// Returns the frontiers of a sample up to a node, from which it was run again.
    pub(super) fn until(&self, sample: usize, node: NodeId) -> SampleFrontiers {
        self.frontiers.get(sample).map(|frontiers| frontiers.until(node)).unwrap_or_default()
    }

    /// Keeps frontiers of the first samples, each within its share of the memory.
    pub(super) fn keep_frontiers(&mut self, frontiers: Vec<SampleFrontiers>) {
        let share = self.budget.frontiers / frontiers.len().max(1);
        self.frontiers = frontiers;
        self.frontiers.iter_mut().for_each(|frontiers| frontiers.fit(share));
    }
}

fn bytes(outputs: &[Vec<Tensor>]) -> usize {
    outputs.iter().flatten().map(|tensor| tensor.len() * tensor.data_type().size()).sum()
}

/// Float runs over the samples that have frontiers.
pub struct Resumed<'a> {
    /// Program whose frontiers are kept.
    pub float: &'a Program,
    /// Samples of its inputs.
    pub samples: &'a dyn Samples,
    /// Frontiers of the first ones.
    pub kept: &'a FloatSamples,
}

impl Resumed<'_> {
    /// Returns a run of a sample in which at most the nodes before `node` have run.
    pub(super) fn before(&self, sample: usize, node: NodeId) -> Result<Frontier> {
        match self.kept.before(sample, node) {
            Some(frontier) => Ok(frontier.clone()),
            None => self.float.begin(&self.samples.sample(sample)?),
        }
    }
}

impl FloatRuns for Resumed<'_> {
    fn samples(&self) -> usize {
        self.kept.samples()
    }

    fn observe(&self, sample: usize, wanted: &[bool], on_value: OnValue) -> Result<()> {
        if let Some(trace) = self.kept.trace(sample) {
            let wanted = (0..wanted.len()).filter(|&value| wanted[value]).map(ValueId);
            let kept: Option<Vec<(ValueId, &Tensor)>> =
                wanted.map(|value| Some((value, trace.value(value)?))).collect();
            if let Some(kept) = kept {
                return kept.into_iter().try_for_each(|(value, tensor)| on_value(value, tensor));
            }
        }
        let from = self.before(sample, self.float.first_maker(wanted))?;
        self.float.observe_from(from, &[], wanted, on_value).map(drop)
    }
}
