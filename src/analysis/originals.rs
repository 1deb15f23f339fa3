//! Float activations of the samples that figures are taken over, kept for the next measurement.

use crate::Result;
use crate::exec::Trace;
use crate::graph::{Graph, NodeId, Tensor};

use super::Subject;
use super::graphwise::{first_output, mask};

/// One sample in float.
pub(super) struct Original {
    pub trace: Trace,
    pub outputs: Vec<Option<Tensor>>,
}

/// As many samples, from the first, as the budget allows.
pub struct Originals {
    kept: Vec<Original>,
    used: usize,
    budget: usize,
}

impl Original {
    /// Runs one sample; values inside the network are those of `float`, outputs those of `original`.
    pub fn of(subject: &Subject, inputs: &[Tensor], wanted: &[bool]) -> Result<Original> {
        let trace = subject.float.trace(inputs, wanted)?;
        let outputs: Vec<Option<Tensor>> = subject.graph.outputs.iter().map(|&v| trace.value(v).cloned()).collect();
        let outputs = match outputs.iter().cloned().collect::<Option<Vec<Tensor>>>() {
            Some(all) => subject.reference(inputs, all)?.into_iter().map(Some).collect(),
            None => outputs,
        };
        Ok(Original { trace, outputs })
    }
}

impl Originals {
    /// `budget` in bytes; with 0 nothing is kept.
    pub fn new(budget: usize) -> Originals {
        Originals { kept: Vec::new(), used: 0, budget }
    }

    /// Marks the values that a sample's trace must hold: the inputs of `all` nodes for layerwise error; where traces are
    /// kept, also their outputs for graphwise error, which a kernel with a fused clamp does not store.
    pub(super) fn wanted(&self, graph: &Graph, all: &[NodeId]) -> Vec<bool> {
        let inputs = all.iter().flat_map(|&n| graph.node(n).inputs.iter().copied().flatten());
        let outputs = all.iter().filter(|_| self.budget > 0).filter_map(|&n| first_output(graph, n));
        mask(graph, &inputs.chain(outputs).collect::<Vec<_>>())
    }

    pub fn bytes(&self) -> usize {
        self.used
    }

    pub fn clear(&mut self) {
        (self.kept, self.used) = (Vec::new(), 0);
    }

    pub(super) fn get(&self, sample: usize) -> Option<&Original> {
        self.kept.get(sample)
    }

    /// Keeps the sample after the last one kept, where there is room; else gives it back.
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
