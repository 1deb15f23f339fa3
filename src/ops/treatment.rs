//! Treatment of an operator by the quantizer: whose scale its ports take, and which stay in float. The sets are
//! esp-ppq's (`core/common.py`, `IR/base/opdef.py` and `create_espdl_quant_config` in `EspdlQuantizer.py`).

use crate::graph::Attributes;

/// Part of an operator in a quantized network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Conv, Gemm, ...: has a row in the error tables, activations are fused into it.
    Computing,
    /// Moves values without changing them: input and output share a scale.
    Passive,
    /// Quantized, with scales of its own.
    Plain,
    /// Stays in float.
    Float,
}

/// Scales that the ports of one node share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    No,
    /// Inputs take the output's.
    Output,
    /// Inputs take that of the widest.
    Widest,
    /// The states of a recurrent layer take the sequence's.
    Sequence,
}

/// Weights at input 1.
#[derive(Clone, Copy)]
pub enum Weights {
    None,
    /// One scale.
    Whole,
    /// One scale for each index along an axis, where the target takes such; the bias at input 2 follows.
    ByChannel(fn(&Attributes) -> usize),
}

#[derive(Clone, Copy)]
pub struct Treatment {
    pub role: Role,
    pub shared: Shared,
    /// Ports that stay in float: shapes, indices, conditions, probabilities.
    pub float_inputs: &'static [usize],
    pub float_outputs: &'static [usize],
    pub weights: Weights,
    /// Ports inside of a recurrent cell, with 16 bits and one exponent for all models.
    pub cell_inputs: &'static [usize],
    pub cell_outputs: &'static [usize],
    /// Constants that take the scale of the first input: bounds and fillers.
    pub bounds: &'static [usize],
    /// Cuts values off: the layer that it alone reads takes its scale.
    pub clamps: bool,
}

impl Treatment {
    pub const PLAIN: Treatment = Treatment {
        role: Role::Plain,
        shared: Shared::No,
        float_inputs: &[],
        float_outputs: &[],
        weights: Weights::None,
        cell_inputs: &[],
        cell_outputs: &[],
        bounds: &[],
        clamps: false,
    };
    pub const COMPUTING: Treatment = Treatment { role: Role::Computing, ..Treatment::PLAIN };
    pub const PASSIVE: Treatment = Treatment { role: Role::Passive, ..Treatment::PLAIN };
    pub const FLOAT: Treatment = Treatment { role: Role::Float, ..Treatment::PLAIN };
}
