//! Execution of a graph node by node over samples that advance together, for passes that change a layer between steps.

use std::sync::Arc;

use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::{Error, Result};

use super::NodeSimulation;
use super::frontier::Frontier;
use super::prepare::{self, Source};
use super::program::{Program, input};

impl Program {
    /// Returns the tensor that a node's kernel reads at an input port, after its quantization; `None` if the input is
    /// left out.
    pub fn operand(&self, node: NodeId, port: usize, frontier: &Frontier) -> Result<Option<Tensor>> {
        let step = &self.steps[node.0];
        let Some(source) = step.inputs.get(port) else { return Ok(None) };
        input(source, step.wide, |value| frontier.values[value.0].clone())
    }

    /// Returns the outputs of one node, without keeping them.
    pub fn outputs_of(&self, node: NodeId, frontier: &Frontier) -> Result<Vec<(ValueId, Tensor)>> {
        let (_, outputs) = self.compute(node.0, |value, _| frontier.values[value.0].clone(), false)?;
        Ok(outputs)
    }

    /// Keeps the outputs of a node, and releases the values that it was the last to read.
    pub fn advance(&self, node: NodeId, outputs: Vec<(ValueId, Tensor)>, frontier: &mut Frontier) {
        for (source, last_use) in self.steps[node.0].inputs.iter().zip(&self.last_uses[node.0]) {
            if let (Source::Value { value, .. }, true) = (source, last_use) {
                frontier.values[value.0] = None;
            }
        }
        for (value, tensor) in outputs {
            if !self.readers[value.0].is_empty() || self.outputs.contains(&value) {
                frontier.values[value.0] = Some(tensor);
            }
        }
    }

    /// Prepares one node again, with the graph's current constants.
    pub fn renew(&mut self, graph: &Graph, node: NodeId, simulation: Option<&NodeSimulation>) -> Result<()> {
        let step = prepare::step(graph, node, simulation)?;
        let old = self.steps.get_mut(node.0).ok_or_else(|| Error::new("the node is not of this graph"))?;
        *old = Arc::new(step);
        Ok(())
    }
}
