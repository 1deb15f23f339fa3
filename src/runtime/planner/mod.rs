//! Memory that the values of a file share on the chip, by the rules of ESP-DL's planner (`MemoryManagerGreedy` in
//! `dl_memory_manager_greedy.cpp`, `ModelContext` in `dl_model_context.cpp`).
//!
//! The planner runs once in `Model::build`, and depends only on the file and on `max_internal_size`. Never: the bytes of
//! parameters, which lie outside of its memory.

mod chunks;
mod copied;
mod lives;
mod order;
mod overwrites;
mod smallest;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use crate::chip::Buffer;
use crate::espdl::{DataType, Graph, ValueInfo};
use crate::ops;

pub use chunks::{Arena, Placed};
pub use overwrites::{Overwritten, first_overwritten};
pub use smallest::{Smallest, smallest};

/// Multiple of bytes to which sizes are rounded, and at which values begin.
pub const ALIGNMENT: usize = 16;

/// Node, with its values by number.
#[derive(Debug, Clone)]
pub struct Step {
    /// Inputs in order; `None` for constants and inputs that are left out.
    pub inputs: Vec<Option<usize>>,
    /// Outputs in order.
    pub outputs: Vec<usize>,
    /// Memory of the output, if it has one.
    pub buffer: Buffer,
}

/// Value that is not constant.
#[derive(Debug, Clone)]
pub struct Space {
    /// Size in bytes, as the planner counts it.
    pub bytes: usize,
    /// Set for outputs of the model, which no node overwrites, and which stay until the end.
    pub is_output: bool,
}

/// Nodes and values of a file as the planner sees them.
#[derive(Debug, Clone)]
pub struct Network<'g> {
    /// Nodes in the order in which they run.
    pub steps: Vec<Step>,
    /// Values in the order in which nodes mention them.
    pub spaces: Vec<Space>,
    /// Names of the values.
    pub names: Vec<&'g str>,
}

impl<'g> Network<'g> {
    /// Reads a file's graph; `None` if a size is not fixed, or if a node reads a value that does not exist.
    pub fn of(graph: &'g Graph) -> Option<Network<'g>> {
        let constants: HashSet<&str> = graph.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
        let infos: HashMap<&str, &ValueInfo> = graph.values.iter().map(|value| (value.name.as_str(), value)).collect();
        let outputs: HashSet<&str> = graph.outputs.iter().map(|output| output.name.as_str()).collect();
        let mut numbers: HashMap<&str, Option<usize>> = HashMap::new();
        let mut network = Network { steps: Vec::new(), spaces: Vec::new(), names: Vec::new() };
        let mut number = |network: &mut Network<'g>, name: &'g str, is_read: bool| -> Option<Option<usize>> {
            if let Some(known) = numbers.get(name) {
                return Some(*known);
            }
            let number = match is_read && (name.is_empty() || constants.contains(name)) {
                true => None,
                false => {
                    network.spaces.push(Space { bytes: bytes(infos.get(name)?)?, is_output: outputs.contains(name) });
                    network.names.push(name);
                    Some(network.spaces.len() - 1)
                }
            };
            numbers.insert(name, number);
            Some(number)
        };
        for node in &graph.nodes {
            let inputs = node.inputs.iter().map(|name| number(&mut network, name, true)).collect::<Option<_>>()?;
            let made = node.outputs.iter().map(|name| number(&mut network, name, false)).collect::<Option<Vec<_>>>()?;
            let buffer = ops::on_chip(&node.op).map_or(Buffer::Own, |chip| chip.buffer);
            network.steps.push(Step { inputs, outputs: made.into_iter().flatten().collect(), buffer });
        }
        Some(network)
    }

    /// Returns the network with its nodes in another order; values are numbered as nodes mention them then.
    fn reordered(&self, nodes: &[usize]) -> Network<'g> {
        let mut numbers = vec![None; self.spaces.len()];
        let mut other = Network { steps: Vec::new(), spaces: Vec::new(), names: Vec::new() };
        for &node in nodes {
            let step = &self.steps[node];
            let mut number = |value: usize| {
                *numbers[value].get_or_insert_with(|| {
                    other.spaces.push(self.spaces[value].clone());
                    other.names.push(self.names[value]);
                    other.spaces.len() - 1
                })
            };
            let inputs = step.inputs.iter().map(|input| input.map(&mut number)).collect();
            let outputs = step.outputs.iter().map(|&output| number(output)).collect();
            other.steps.push(Step { inputs, outputs, buffer: step.buffer });
        }
        other
    }

    /// Places all values. With an internal budget, a block of that size is allocated in internal RAM, and each value that
    /// fits goes there; the others go to the arena, which is PSRAM where the chip has it.
    pub fn place(&self, internal: Option<usize>) -> Arena {
        chunks::place(self, &lives::Lives::of(self), internal)
    }
}

/// Returns the bytes that the planner counts for a value (`TensorInfo` in `dl_memory_manager.cpp`): types that it does not
/// know take one byte per element.
fn bytes(value: &ValueInfo) -> Option<usize> {
    let width = match value.data_type {
        DataType::Float16 | DataType::Undefined | DataType::String => 1,
        known => known.width()?,
    };
    let sizes = if value.dims.is_some() { value.sizes()? } else { Vec::new() };
    sizes.into_iter().try_fold(width, usize::checked_mul)
}
