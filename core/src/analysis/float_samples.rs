//! Analyzed samples in the float network, as far as the next measurement needs them: outputs, and frontiers from which the samples are
//! run again.

use crate::Result;
use crate::exec::{Frontier, OnValue, Program, Samples};
use crate::graph::{NodeId, Tensor};
use crate::quant::FloatRuns;

use super::sample_frontiers::SampleFrontiers;

/// Samples in float, from the first.
pub struct FloatSamples {
    /// Outputs of the model by sample; those of most networks are small.
    outputs: Vec<Vec<Tensor>>,
    frontiers: Vec<SampleFrontiers>,
    /// Memory for frontiers in bytes.
    budget: usize,
}

/// Memory for outputs of the model in bytes, beside the budget for frontiers.
const OUTPUTS: usize = 32 << 20;

impl FloatSamples {
    /// Makes an empty store. `budget` is the memory for frontiers of all samples, in bytes.
    pub fn new(budget: usize) -> FloatSamples {
        FloatSamples { outputs: Vec::new(), frontiers: Vec::new(), budget }
    }

    /// Returns the memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        bytes(&self.outputs) + self.frontiers.iter().map(SampleFrontiers::bytes).sum::<usize>()
    }

    /// Returns the number of samples with frontiers.
    fn samples(&self) -> usize {
        self.frontiers.len()
    }

    /// Frees all samples.
    pub fn clear(&mut self) {
        self.outputs.clear();
        self.frontiers.clear();
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

    /// Returns the memory for the frontiers of each sample if `samples` are kept, in bytes.
    pub(super) fn share(&self, samples: usize) -> usize {
        self.budget / samples.max(self.frontiers.len()).max(1)
    }

    /// Keeps frontiers of the first samples, each within its share of the memory, and those of the others.
    pub(super) fn keep_frontiers(&mut self, frontiers: Vec<SampleFrontiers>) {
        let share = self.share(frontiers.len());
        self.frontiers.splice(..frontiers.len().min(self.frontiers.len()), frontiers);
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
        let from = self.before(sample, self.float.first_maker(wanted))?;
        self.float.observe_from(from, &[], wanted, on_value).map(drop)
    }
}
