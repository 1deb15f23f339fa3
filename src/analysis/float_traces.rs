//! Float activations of the analyzed samples, kept for the next measurement.

use crate::Result;
use crate::exec::Trace;
use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::quant::Activations;

use super::Subject;
use super::graphwise::first_output;

/// Float values of one sample.
pub(super) struct Original {
    /// Values that the analysis compares with.
    pub trace: Trace,
    /// Outputs of the model.
    pub outputs: Vec<Option<Tensor>>,
}

/// Samples in float, from the first, as many as the budget allows.
pub struct FloatTraces {
    kept: Vec<Original>,
    used: usize,
    budget: usize,
    /// Outputs of the model by sample, from the first; those of most networks are small.
    outputs: Vec<Vec<Tensor>>,
}

/// Memory for outputs of the model in bytes, beside the budget for traces.
const OUTPUTS: usize = 32 << 20;

impl Original {
    /// Runs one sample; values inside the network come from `float`, outputs from `original`.
    pub fn of(subject: &Subject, inputs: &[Tensor], wanted: &[bool]) -> Result<Original> {
        let trace = subject.float.trace(inputs, wanted)?;
        let outputs: Vec<Option<Tensor>> = subject.graph.outputs.iter().map(|&v| trace.value(v).cloned()).collect();
        let outputs = match outputs.iter().cloned().collect::<Option<Vec<Tensor>>>() {
            Some(all) => subject.reference(inputs, all, &[], &mut |_, _| ())?.into_iter().map(Some).collect(),
            None => outputs,
        };
        Ok(Original { trace, outputs })
    }
}

impl FloatTraces {
    /// Makes an empty store. `budget` is in bytes; with 0, no sample is kept.
    pub fn new(budget: usize) -> FloatTraces {
        FloatTraces { kept: Vec::new(), used: 0, budget, outputs: Vec::new() }
    }

    /// Marks the values that a sample's trace must contain: the inputs of `all` nodes for layerwise error. If traces
    /// are kept, also their outputs for graphwise error, which a kernel with a fused clamp does not store.
    pub(super) fn wanted(&self, graph: &Graph, all: &[NodeId]) -> Vec<bool> {
        let inputs = all.iter().flat_map(|&n| graph.node(n).inputs.iter().copied().flatten());
        let outputs = all.iter().filter(|_| self.budget > 0).filter_map(|&n| first_output(graph, n));
        graph.mask(inputs.chain(outputs))
    }

    /// Returns the memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.used + bytes(&self.outputs)
    }

    /// Frees the last samples until the others take at most `most` bytes, and outputs if they alone take more.
    pub fn shrink(&mut self, most: usize) {
        if bytes(&self.outputs) > most {
            self.outputs.clear();
        }
        while self.used > most {
            let Some(last) = self.kept.pop() else { break };
            self.used -= last.trace.bytes();
        }
    }

    /// Frees all samples.
    pub fn clear(&mut self) {
        self.shrink(0);
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

    pub(super) fn get(&self, sample: usize) -> Option<&Original> {
        self.kept.get(sample)
    }

    /// Keeps the sample after the last one kept if there is room, else returns it.
    pub(super) fn keep(&mut self, sample: usize, original: Original) -> Option<Original> {
        let bytes = original.trace.bytes();
        if sample != self.kept.len() || self.used.saturating_add(bytes) > self.budget {
            return Some(original);
        }
        self.used += bytes;
        self.kept.push(original);
        None
    }
}

fn bytes(outputs: &[Vec<Tensor>]) -> usize {
    outputs.iter().flatten().map(|tensor| tensor.len() * tensor.data_type().size()).sum()
}

impl Activations for FloatTraces {
    fn samples(&self) -> usize {
        self.kept.len()
    }

    fn elements(&self, sample: usize, value: ValueId) -> Option<&[f32]> {
        self.kept.get(sample)?.trace.value(value)?.slice()
    }
}
