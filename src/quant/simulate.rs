//! From configurations to what the executor runs.

use crate::exec::{FakeQuant, NodeSimulation, Simulation};
use crate::graph::NodeId;

use super::Scheme;
use super::config::ConfigId;
use super::plan::{NodeConfig, Plan};

/// `LUTOptimizationSetting.target_ops` in esp-ppq's `api/setting.py`.
const LUT_OPERATORS: [&str; 17] = [
    "Swish",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "HardSwish",
    "HardSigmoid",
    "Elu",
    "Erf",
    "Gelu",
    "LeakyRelu",
    "Softplus",
    "Exp",
    "Log",
    "Sqrt",
    "Cos",
    "Sin",
    "Tan",
];

impl Plan {
    /// The chip's arithmetic, as far as scales are known by now.
    pub fn simulation(&self) -> Simulation {
        self.graph.node_ids().map(|node| self.config(node).map(|config| self.simulate(config))).collect()
    }

    /// What esp-ppq calibrates with: quantized parameters, and activations as far as they are calibrated.
    /// Without the constants that are too small for their scale. w8a16 layers run in float32: esp-ppq has no
    /// exact simulation of them, and calibrates 16-bit ones in float64 where it is asked to be exact.
    pub(super) fn calibration(&self) -> Simulation {
        let mut simulation = self.simulation();
        for (simulated, config) in simulation.iter_mut().zip(&self.nodes) {
            if let (Some(simulated), Some(config)) = (simulated, config) {
                simulated.wide = config.scheme == Scheme::Int16;
            }
        }
        for &(node, port) in &self.kept_float {
            if let Some(Some(node)) = simulation.get_mut(node.0) {
                node.inputs[port] = None;
            }
        }
        simulation
    }

    /// Whether ESP-DL runs this node as a lookup table of 16-bit values (`EspdlLUTFusionPass`): activations
    /// of one input in a 16-bit model. In an 8-bit model esp-ppq leaves even its 16-bit layers without.
    pub fn is_lut(&self, node: NodeId) -> bool {
        let n = self.graph.node(node);
        let Some(config) = self.config(node) else { return false };
        let sixteen_bits = config.inputs.first().is_some_and(|&id| self.configs[id].bits == 16);
        self.settings.scheme.activation_bits() == 16
            && sixteen_bits
            && (n.inputs.len(), n.outputs.len()) == (1, 1)
            && LUT_OPERATORS.contains(&n.op.as_str())
    }

    fn simulate(&self, config: &NodeConfig) -> NodeSimulation {
        NodeSimulation {
            inputs: config.inputs.iter().map(|&id| self.fake_quant(id)).collect(),
            outputs: config.outputs.iter().map(|&id| self.fake_quant(id)).collect(),
            // Sums of 16-bit products are not exact in float32.
            wide: config.scheme.activation_bits() == 16,
            // The one place for kernels that repeat the chip's integers step by step (`is_lut`, LSTM, GRU).
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
