//! Treatment of an operator by the quantizer: sharing of scales among its ports, and ports that stay in float. The sets
//! are esp-ppq's (`core/common.py`, `IR/base/opdef.py` and `create_espdl_quant_config` in `EspdlQuantizer.py`).

use crate::graph::Attributes;

/// Role of an operator in a quantized network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Operators like Conv and Gemm, which have rows in the error tables and into which activations are fused.
    Computing,
    /// Moves values without changing them: input and output share a scale.
    Passive,
    /// Quantized, with its own scales.
    Plain,
    /// Stays in float.
    Float,
}

/// Scales that the ports of one node share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// Each port has its own scale.
    No,
    /// Inputs take the output's scale.
    Output,
    /// Inputs take the widest input's scale.
    Widest,
    /// States of a recurrent layer take the sequence's scale.
    Sequence,
}

/// Scales of weights at input 1.
#[derive(Clone, Copy)]
pub enum Weights {
    /// No weights: input 1 has the scale of an activation.
    None,
    /// One scale.
    Whole,
    /// One scale for each index along an axis, if the target supports it; the bias at input 2 follows.
    ByChannel(fn(&Attributes) -> usize),
}

/// Quantization of an operator's ports.
#[derive(Clone, Copy)]
pub struct Treatment {
    /// Role in the network, which decides the rows of error tables and fusion.
    pub role: Role,
    /// Scales that inputs and outputs share.
    pub shared: Shared,
    /// Ports that stay in float: shapes, indices, conditions, probabilities.
    pub float_inputs: &'static [usize],
    /// Output ports that stay in float.
    pub float_outputs: &'static [usize],
    /// Scales of input 1, if it is a constant.
    pub weights: Weights,
    /// Ports inside a recurrent cell, with 16 bits and one exponent for all models.
    pub cell_inputs: &'static [usize],
    /// Output ports of that kind.
    pub cell_outputs: &'static [usize],
    /// Constants that take the scale of the first input: bounds and fill values.
    pub bounds: &'static [usize],
    /// Set for operators that clamp: the preceding layer, if it has no other reader, takes the output's scale.
    pub clamps: bool,
}

impl Treatment {
    /// Every port quantized with its own scale.
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
    /// [`Treatment::PLAIN`] for an operator with weights or products.
    pub const COMPUTING: Treatment = Treatment { role: Role::Computing, ..Treatment::PLAIN };
    /// [`Treatment::PLAIN`] for an operator that moves values.
    pub const PASSIVE: Treatment = Treatment { role: Role::Passive, ..Treatment::PLAIN };
    /// Every port in float.
    pub const FLOAT: Treatment = Treatment { role: Role::Float, ..Treatment::PLAIN };
}
