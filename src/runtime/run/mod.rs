//! Integer interpreter of models: every element of every value equals that of ESP-DL 3.3.9 on the target chip, so that
//! test values can be written without one.
//!
//! A [`Program`] is a model prepared once: each operator's function reads a node of the file and returns a kernel,
//! which then runs over samples.
//!
//! Never: the choice of exponents, ONNX models.

mod accumulator;
mod activation;
mod broadcast;
mod compare;
mod concat;
mod conv;
mod depth_space;
mod elementwise;
mod function;
mod kernel;
mod kernels;
mod matmul;
mod node_context;
mod normalize;
mod pad_split;
mod pool;
mod pow_mod;
mod program;
mod recurrent;
mod recurrent_float;
mod reduce;
mod requantize;
mod resize;
mod round;
mod scatter;
mod sequence;
mod shape_ops;
mod softmax;
mod sqrt;
mod value;
mod walk;

use crate::Result;
use crate::chip::{QuantType, Target};
use crate::espdl::{Model, Node, Tensor};

pub use program::{Made, OnValue, Program};

/// Returns the model's outputs, in its order, for `inputs` by name.
pub fn run(model: &Model, target: Target, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    Program::new(model, target)?.run(inputs)
}

/// Stores `inputs` and the chip's outputs for them in the model, for the self-test of its loader.
pub fn fill_tests(model: &mut Model, target: Target, inputs: Vec<Tensor>) -> Result<()> {
    model.graph.test_outputs = run(model, target, &inputs)?;
    model.graph.test_inputs = inputs;
    Ok(())
}

/// Returns layers that the interpreter runs with the rule of the 16-bit kernels, although ESP-DL 3.3.9 has no kernel
/// for them.
pub fn unproven(model: &Model) -> Vec<&str> {
    let mixed = |n: &&Node| n.text("quant_type").and_then(QuantType::from_name) == Some(QuantType::W8A16);
    model.graph.nodes.iter().filter(mixed).map(|n| n.name.as_str()).collect()
}

#[cfg(test)]
mod operator_tests;

#[cfg(test)]
mod tests;
