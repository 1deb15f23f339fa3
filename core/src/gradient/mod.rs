//! Derivative of a network: a graph of the same operators, which runs on the values of a float pass.
//!
//! Reverse accumulation (Griewank and Walther, "Evaluating Derivatives", chapter 3). A rule adds the nodes that turn the gradient of an
//! operator's outputs into that of its inputs; where an operator has no rule, the gradients behind it are not known.
//!
//! Never: quantization, the use that is made of gradients.

mod rules;
mod tape;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::exec::{Frontier, OnValue, Program, Trace};
use crate::graph::{DataType, Graph, NodeId, Tensor, ValueId};
use crate::{Error, Result};

use tape::{Slope, Tape};

/// Graph of gradients, prepared for running.
pub struct Backward {
    program: Program,
    /// Values of the network that are differentiated, in the order of the seeds.
    seeded: Vec<ValueId>,
    /// Inputs of the program that take the seeds.
    seeds: Vec<ValueId>,
    /// Values of the network that are read, each with the input of the program that takes it.
    saved: Vec<(ValueId, ValueId)>,
    /// Node of the program in front of which the gradients of all inputs of a node of the network, and of those behind it, exist.
    ends: Vec<NodeId>,
    /// Values of the network by the value of the program that is their gradient.
    gradients: HashMap<ValueId, Vec<ValueId>>,
    /// Mask of the network's values whose gradient is computed.
    known: Vec<bool>,
    /// Mask of the gradients among the program's values.
    wanted: Vec<bool>,
}

impl Backward {
    /// Makes the graph of the gradients by `wanted` values, from seeds at the values of float32 in `ends`.
    pub fn new(forward: &Graph, ends: &[ValueId], wanted: &[ValueId]) -> Result<Backward> {
        let needed = dependents(forward, wanted);
        let mut tape = Tape::new(forward, needed);
        let is_real = |value: &&ValueId| forward.value(**value).data_type == Some(DataType::F32);
        let seeded: Vec<ValueId> = ends.iter().filter(is_real).copied().collect();
        for &output in &seeded {
            tape.seed(output)?;
        }
        let mut ends = vec![NodeId(0); forward.nodes.len()];
        for n in (0..forward.nodes.len()).rev() {
            rules::differentiate(&mut tape, NodeId(n))?;
            ends[n] = tape.next();
        }
        let mut gradients: HashMap<ValueId, Vec<ValueId>> = HashMap::new();
        for &value in wanted {
            if let Slope::Known(gradient) = tape.slope(value) {
                gradients.entry(gradient).or_default().push(value);
            }
        }
        let (graph, saved) = tape.finish();
        let (seeds, inputs) = graph.inputs.split_at(seeded.len());
        let (seeds, saved) = (seeds.to_vec(), saved.into_iter().zip(inputs.iter().copied()).collect());
        let known = forward.mask(gradients.values().flatten().copied());
        let wanted = graph.mask(gradients.keys().copied());
        Ok(Backward { program: Program::float(&graph)?, seeded, seeds, saved, ends, gradients, known, wanted })
    }

    /// Returns `true` if the gradient of a value is computed.
    pub fn knows(&self, value: ValueId) -> bool {
        self.known[value.0]
    }

    /// Returns the values that take a seed, in order.
    pub fn seeded(&self) -> &[ValueId] {
        &self.seeded
    }

    /// Returns the values of the network that traces must contain.
    pub fn saved(&self) -> impl Iterator<Item = ValueId> {
        self.saved.iter().map(|(value, _)| *value)
    }

    /// Begins a run. `seeds` are the gradients by the ends, in the order of [`Backward::seeded`]; `on_gradient` gets those of wanted
    /// values.
    pub fn begin(&self, seeds: Vec<Tensor>, on_gradient: OnValue) -> Result<Frontier> {
        for (input, seed) in self.seeds.iter().zip(&seeds) {
            self.show(*input, seed, on_gradient)?;
        }
        Ok(self.program.begin_with(self.seeds.iter().copied().zip(seeds)))
    }

    /// Computes the gradients of the inputs of `node` and of all nodes behind it. `trace` has the values that these nodes read and make;
    /// `on_gradient` gets the gradient of each wanted value as soon as it exists.
    pub fn proceed(&self, run: &mut Frontier, node: NodeId, trace: &Trace, on_gradient: OnValue) -> Result<()> {
        let (from, until) = (run.next(), self.ends[node.0]);
        for (value, input) in self.saved.iter().filter(|(_, input)| self.program.reads(*input, from..until)) {
            let value = trace.value(*value).cloned();
            let value = value.ok_or_else(|| Error::new("a value that gradients need was not kept"))?;
            run.set(*input, Some(value));
        }
        self.program
            .proceed(run, until, &self.wanted, &mut |gradient, tensor| self.show(gradient, tensor, on_gradient))?;
        self.saved.iter().for_each(|(_, input)| run.set(*input, None));
        Ok(())
    }

    fn show(&self, gradient: ValueId, tensor: &Tensor, on_gradient: OnValue) -> Result<()> {
        self.gradients.get(&gradient).into_iter().flatten().try_for_each(|&value| on_gradient(value, tensor))
    }
}

/// Marks the values that depend on `wanted` ones, and those themselves.
fn dependents(graph: &Graph, wanted: &[ValueId]) -> Vec<bool> {
    let mut depends = graph.mask(wanted.iter().copied());
    for node in &graph.nodes {
        if node.inputs.iter().flatten().any(|value| depends[value.0]) {
            node.outputs.iter().flatten().for_each(|value| depends[value.0] = true);
        }
    }
    depends
}
