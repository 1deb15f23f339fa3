//! Conversion of configurations to the executor's simulation.

use std::sync::Arc;

use crate::Result;
use crate::exec::{FakeQuant, NodeSimulation, Simulation};
use crate::graph::NodeId;
use crate::ops::{self, Call, Kernel};

use super::accumulation;
use super::config::ConfigId;
use super::emulate::{self, Hidden};
use super::plan::{NodeConfig, Plan};
use crate::chip::{Scheme, Table, ppq};

impl Plan {
    /// Simulates the chip's arithmetic, as far as scales are known.
    pub fn simulation(&self) -> Result<Simulation> {
        self.simulate_all(|node, config| self.on_chip(node, config))
    }

    /// The chip's arithmetic of one node; `None` where it runs in float.
    pub fn simulation_of(&self, node: NodeId) -> Result<Option<NodeSimulation>> {
        let simulated = self.config(node).map(|config| self.on_chip(node, config)).transpose();
        simulated.map_err(|e| e.in_layer(&self.graph.node(node).name))
    }

    fn on_chip(&self, node: NodeId, config: &NodeConfig) -> Result<NodeSimulation> {
        let mut simulated = self.quantized(config);
        simulated.wide |= accumulation::beyond_float32(self, node, config);
        simulated.kernel = match self.table(node, config)? {
            Some(table) => Some(table),
            None => self.recurrent(node, config, simulated.outputs.first().cloned().flatten())?,
        };
        Ok(simulated)
    }

    /// Reference of the figures: float, except for values that the chip rounds independently of scales. esp-ppq also
    /// rounds 16-bit tables and the inner values of recurrent cells in its reference.
    pub fn reference(&self) -> Result<Simulation> {
        self.simulate_all(|node, config| {
            let kernel = match self.table(node, config)? {
                Some(table) => Some(table),
                None => self.recurrent(node, config, None)?,
            };
            Ok(NodeSimulation { kernel, ..NodeSimulation::default() })
        })
    }

    /// Simulation during calibration, as in esp-ppq: quantized parameters, and activations already calibrated, without
    /// the constants that are too small for their scale. w8a16 layers run in float32: esp-ppq has no exact simulation
    /// of them. It calibrates 16-bit ones in float64 only on request; here they always are: in float32, the order of a sum moves
    /// elements between a histogram's million bins, and sometimes the range that kl finds.
    pub(super) fn calibration(&self) -> Result<Simulation> {
        let mut simulation = self.simulate_all(|node, config| {
            let mut simulated = self.quantized(config);
            simulated.wide = config.scheme == Scheme::Int16;
            simulated.kernel = self.recurrent(node, config, simulated.outputs.first().cloned().flatten())?;
            Ok(simulated)
        })?;
        for &(node, port) in &self.kept_float {
            if let Some(Some(node)) = simulation.get_mut(node.0) {
                node.inputs[port] = None;
            }
        }
        Ok(simulation)
    }

    fn simulate_all(&self, simulate: impl Fn(NodeId, &NodeConfig) -> Result<NodeSimulation>) -> Result<Simulation> {
        let one = |node: NodeId| match self.config(node) {
            Some(config) => simulate(node, config).map(Some).map_err(|e| e.in_layer(&self.graph.node(node).name)),
            None => Ok(None),
        };
        self.graph.node_ids().map(one).collect()
    }

    /// Returns `true` if ESP-DL runs this node as a lookup table of 16-bit values (`EspdlLUTFusionPass`): activations
    /// with one input in a 16-bit model. In an 8-bit model, esp-ppq does not use tables even for 16-bit layers.
    pub fn is_lut(&self, node: NodeId) -> bool {
        let n = self.graph.node(node);
        let Some(config) = self.config(node) else { return false };
        let sixteen_bits = config.inputs.first().is_some_and(|&id| self.configs[id].bits == 16);
        self.settings.scheme.activation_bits() == 16
            && sixteen_bits
            && (n.inputs.len(), n.outputs.len()) == (1, 1)
            && has_table(&n.op)
    }

    fn quantized(&self, config: &NodeConfig) -> NodeSimulation {
        NodeSimulation {
            inputs: config.inputs.iter().map(|&id| self.fake_quant(id)).collect(),
            outputs: config.outputs.iter().map(|&id| self.fake_quant(id)).collect(),
            // Sums of 16-bit products are not exact in float32.
            wide: config.scheme.activation_bits() == 16,
            kernel: None,
        }
    }

    /// Returns the lookup table of a node that has one, once both its scales are known.
    fn table(&self, node: NodeId, config: &NodeConfig) -> Result<Option<Arc<dyn Kernel>>> {
        let exponent = |ids: &[ConfigId]| ids.first().and_then(|&id| self.configs.exponents(id)?.first().copied());
        let (true, Some(input), Some(output)) =
            (self.is_lut(node), exponent(&config.inputs), exponent(&config.outputs))
        else {
            return Ok(None);
        };
        let rounding = self.settings.target.rounding();
        emulate::lut(self.graph.node(node), self.graph.opset, input, output, rounding).map(Some)
    }

    /// Returns the cell of an LSTM or GRU, whose inner values the chip rounds.
    fn recurrent(
        &self,
        node: NodeId,
        config: &NodeConfig,
        output: Option<FakeQuant>,
    ) -> Result<Option<Arc<dyn Kernel>>> {
        let n = self.graph.node(node);
        let build = match n.op.as_str() {
            "LSTM" => emulate::lstm,
            "GRU" => emulate::gru,
            _ => return Ok(None),
        };
        let inputs = ops::input_facts(&self.graph, n)?;
        let call = Call::of(&self.graph, n, &inputs);
        let wide = config.scheme.activation_bits() == 16;
        build(&call, Hidden { rounding: self.settings.target.rounding(), output, wide }).map(Some)
    }

    fn fake_quant(&self, id: ConfigId) -> Option<FakeQuant> {
        let config = &self.configs[id];
        let exponents = self.configs.exponents(id).filter(|_| config.state.is_active())?;
        Some(FakeQuant {
            exponents: exponents.to_vec(),
            axis: config.axis,
            bits: config.bits,
            rounding: self.settings.target.rounding(),
        })
    }
}

/// Returns `true` if ESP-DL has a 16-bit table for the operator, or if esp-ppq writes one.
fn has_table(op: &str) -> bool {
    let own = ops::on_chip(op).map_or(Table::Never, |chip| chip.table);
    own == Table::Int8AndInt16 || ppq::table(op) == Table::Int8AndInt16
}
