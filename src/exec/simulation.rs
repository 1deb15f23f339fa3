//! Quantization of values while a graph runs: per node and port, as plain numbers.

use std::fmt;
use std::sync::Arc;

use crate::chip::Rounding;
use crate::ops::Kernel;

/// Quantize and dequantize one tensor: `clamp(round(x / 2^e), min, max) * 2^e`.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeQuant {
    /// log2 of the scale: one, or one per channel along `axis`.
    pub exponents: Vec<i32>,
    pub axis: Option<usize>,
    /// Signed width: min is -2^(bits-1), max is 2^(bits-1) - 1. Up to 64 for bias.
    pub bits: u32,
    pub rounding: Rounding,
}

/// Simulation of one node.
#[derive(Clone, Default)]
pub struct NodeSimulation {
    /// By port; `None` where the port is not quantized, or its producer has done it.
    pub inputs: Vec<Option<FakeQuant>>,
    pub outputs: Vec<Option<FakeQuant>>,
    /// Accumulate beyond float32: sums of int16 products are not exact below 2^24.
    pub wide: bool,
    /// Replaces the operator's float kernel: lookup tables, integer recurrent cells.
    pub kernel: Option<Arc<dyn Kernel>>,
}

impl fmt::Debug for NodeSimulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeSimulation")
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .field("wide", &self.wide)
            .field("kernel", &self.kernel.is_some())
            .finish()
    }
}

/// One entry a node of the graph; `None` runs in float.
pub type Simulation = Vec<Option<NodeSimulation>>;
