//! Runs a model by whole numbers, as ESP-DL 3.3.9 does on the target's chip: every element of every value is the
//! chip's, so that test values can be written without one.
//!
//! A [`Program`] is a model prepared once: each operator's function reads what the file says of a node and returns a
//! kernel, which then runs over samples.
//!
//! Never: how exponents were found, nor models in ONNX's terms.

mod accumulator;
mod activation;
mod assign;
mod blocks;
mod broadcast;
mod combine;
mod compare;
mod conv;
mod elementwise;
mod function;
mod kernel;
mod kernels;
mod matmul;
mod moves;
mod normalize;
mod pool;
mod powers;
mod program;
mod recurrent;
mod recurrent_float;
mod reduce;
mod regrid;
mod resize;
mod roots;
mod round;
mod scatter;
mod sequence;
mod softmax;
mod step;
mod value;
mod walk;

use crate::Result;
use crate::chip::{QuantType, Target};
use crate::espdl::{Model, Node, Tensor};

pub use program::{Made, OnValue, Program};

/// The model's outputs, in its order, for `inputs` by name.
pub fn run(model: &Model, target: Target, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    Program::new(model, target)?.run(inputs)
}

/// Writes `inputs` and what the chip makes of them into the model, as its loader's self-test reads them.
pub fn fill_tests(model: &mut Model, target: Target, inputs: Vec<Tensor>) -> Result<()> {
    model.graph.test_outputs = run(model, target, &inputs)?;
    model.graph.test_inputs = inputs;
    Ok(())
}

/// Layers that no kernel of ESP-DL 3.3.9 runs and the interpreter does, by the rule of the 16-bit kernels.
pub fn unproven(model: &Model) -> Vec<&str> {
    let mixed = |n: &&Node| n.text("quant_type").and_then(QuantType::from_name) == Some(QuantType::W8A16);
    model.graph.nodes.iter().filter(mixed).map(|n| n.name.as_str()).collect()
}

#[cfg(test)]
mod operator_tests;

#[cfg(test)]
mod tests;
