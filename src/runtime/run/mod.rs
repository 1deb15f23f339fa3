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
use kernel::Kernel;
use step::Step;

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

/// A node's kernel.
fn prepare(step: &Step) -> Result<Kernel> {
    if let Some(table) = activation::table(step)? {
        return Ok(table);
    }
    match step.node.op.as_str() {
        "Conv" => conv::conv(step),
        "Gemm" => conv::gemm(step),
        "MatMul" => matmul::matmul(step),
        "AveragePool" | "GlobalAveragePool" => pool::average(step),
        "MaxPool" => pool::max(step),
        "Add" | "Sub" | "Mul" | "Div" => elementwise::binary(step),
        "Relu" => activation::relu(step),
        "PRelu" => activation::prelu(step),
        "Clip" => activation::clip(step),
        "Identity" => assign::assign(step),
        "QuantizeLinear" | "DequantizeLinear" | "RequantizeLinear" => assign::assign(step),
        "Reshape" => moves::reshape(step),
        "Flatten" => moves::flatten(step),
        "Squeeze" => moves::squeeze(step),
        "Unsqueeze" => moves::unsqueeze(step),
        "Transpose" => moves::transpose(step),
        "Slice" => moves::slice(step),
        "Gather" => moves::gather(step),
        "Pad" => regrid::pad(step),
        "InsertZeros" => regrid::insert_zeros(step),
        "Split" => regrid::split(step),
        "Resize" => resize::resize(step),
        "LSTM" => recurrent::lstm(step),
        "GRU" => recurrent::gru(step),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceSumSquare" => reduce::reduce(step),
        "Sigmoid" | "Tanh" | "Swish" | "HardSigmoid" | "HardSwish" | "Elu" | "Exp" | "Log" | "Sqrt" | "LeakyRelu" => {
            function::function(step)
        }
        "Neg" => activation::neg(step),
        "Pow" | "Mod" => powers::powers(step),
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => compare::compare(step),
        "LayerNormalization" => normalize::layer(step),
        "RMSNormalization" => normalize::rms(step),
        "LpNormalization" => normalize::lp(step),
        "DepthToSpace" => blocks::depth_to_space(step),
        "SpaceToDepth" => blocks::space_to_depth(step),
        "ReverseSequence" => sequence::reverse(step),
        "StreamingCache" => sequence::cache(step),
        "ScatterND" => scatter::scatter(step),
        "Concat" => combine::concat(step),
        "Softmax" => softmax::softmax(step),
        "LogSoftmax" => softmax::log_softmax(step),
        _ => step.unsupported(),
    }
}

#[cfg(test)]
mod operator_tests;

#[cfg(test)]
mod tests;
