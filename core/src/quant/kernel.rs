//! Choice of kernel for a planned node (esp-ppq 1.3.12, `InsertQuantTypePattern`).

use crate::chip::{QuantType, Scheme};
use crate::graph::NodeId;
use crate::ops;

use super::config::{ConfigId, State};
use super::plan::Plan;

impl Plan {
    /// Returns the type of a node's kernel. A w8a16 layer without 8-bit weights runs at 16 bits.
    pub fn quant_type(&self, id: NodeId) -> QuantType {
        let (node, scheme) = (self.graph.node(id), self.scheme(id));
        let (Some(config), Some(operator)) = (self.config(id), ops::find(&node.op)) else { return QuantType::F32 };
        let is_float = |id: &ConfigId| self.configs[*id].state == State::Float;
        // Nodes that read a mask of infinities stay in float, and so do the probabilities that they make.
        let reads_none = config.inputs.iter().chain(&config.outputs).all(is_float);
        let chip = operator.chip.chip();
        let makes_floats = operator.treatment.float_outputs.contains(&0) && chip.is_some_and(|c| c.kernels.float);
        let weights = config.inputs.get(1).filter(|id| !is_float(id));
        let is_narrow = chip.is_some_and(|c| c.packs_weights) && node.attributes.int_or("group", 1) == 1;
        match scheme {
            Scheme::Float => QuantType::F32,
            _ if reads_none && makes_floats => QuantType::F32,
            Scheme::Int8 => QuantType::S8,
            Scheme::W8A16 if is_narrow && weights.is_some_and(|&w| self.configs[w].bits == 8) => QuantType::W8A16,
            Scheme::Int16 | Scheme::W8A16 => QuantType::S16,
        }
    }
}
