//! From configurations to what the executor runs.

use crate::exec::{FakeQuant, NodeSimulation, Simulation};
use crate::graph::NodeId;

use super::config::ConfigId;
use super::plan::{NodeConfig, Plan};

impl Plan {
    /// The chip's arithmetic, as far as scales are known by now.
    pub fn simulation(&self) -> Simulation {
        self.graph.node_ids().map(|node| self.config(node).map(|config| self.simulate(node, config))).collect()
    }

    /// What esp-ppq calibrates with: quantized parameters, and activations as far as they are calibrated.
    /// In float32, and without the constants that are too small for their scale.
    pub(super) fn calibration(&self) -> Simulation {
        let mut simulation = self.simulation();
        for node in simulation.iter_mut().flatten() {
            node.wide = false;
            node.kernel = None;
        }
        for &(node, port) in &self.kept_float {
            if let Some(Some(node)) = simulation.get_mut(node.0) {
                node.inputs[port] = None;
            }
        }
        simulation
    }

    fn simulate(&self, _node: NodeId, config: &NodeConfig) -> NodeSimulation {
        NodeSimulation {
            inputs: config.inputs.iter().map(|&id| self.fake_quant(id)).collect(),
            outputs: config.outputs.iter().map(|&id| self.fake_quant(id)).collect(),
            // Sums of 16-bit products are not exact in float32.
            wide: config.scheme.activation_bits() == 16,
            kernel: None,
        }
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
