//! Quantization parameters of values while a graph runs, by node and port.

use std::fmt;
use std::sync::Arc;

use crate::chip::Rounding;
use crate::ops::Kernel;

/// Fake quantization of one tensor: `clamp(round(x / 2^e), min, max) * 2^e`.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeQuant {
    /// log2 of the scale: one, or one per channel along `axis`.
    pub exponents: Vec<i32>,
    /// Axis of the channels; `None` with one exponent for the whole tensor.
    pub axis: Option<usize>,
    /// Signed width: min is -2^(bits-1), max is 2^(bits-1) - 1. Up to 64 for bias.
    pub bits: u32,
    /// Rounding mode of the target, including ties.
    pub rounding: Rounding,
}

/// Simulation of one node.
#[derive(Clone, Default)]
pub struct NodeSimulation {
    /// Inputs by port; `None` if the port is not quantized, or already quantized by its producer.
    pub inputs: Vec<Option<FakeQuant>>,
    /// Outputs by port; `None` if the port is not quantized.
    pub outputs: Vec<Option<FakeQuant>>,
    /// Set if sums need more than float32: those of int16 products exceed 2^24.
    pub wide: bool,
    /// Replacement of the operator's float kernel: lookup tables, integer recurrent cells.
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

/// One entry per node of the graph; `None` runs in float.
pub type Simulation = Vec<Option<NodeSimulation>>;
