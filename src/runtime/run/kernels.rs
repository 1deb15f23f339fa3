//! The interpreter's own table of operators: a function for every module of ESP-DL.

use crate::Result;

use super::kernel::Kernel;
use super::step::Step;
use super::{
    activation, assign, blocks, combine, compare, conv, elementwise, function, matmul, moves, normalize, pool, powers,
    recurrent, reduce, regrid, resize, scatter, sequence, softmax,
};

type Prepare = fn(&Step) -> Result<Kernel>;

/// By name.
const KERNELS: &[(&str, Prepare)] = &[
    ("Add", elementwise::binary),
    ("AveragePool", pool::average),
    ("Clip", activation::clip),
    ("Concat", combine::concat),
    ("Conv", conv::conv),
    ("DepthToSpace", blocks::depth_to_space),
    ("DequantizeLinear", assign::assign),
    ("Div", elementwise::binary),
    ("Elu", function::function),
    ("Equal", compare::compare),
    ("Exp", function::function),
    ("Flatten", moves::flatten),
    ("GRU", recurrent::gru),
    ("Gather", moves::gather),
    // A table and nothing else.
    ("Gelu", |step| step.unsupported()),
    ("Gemm", conv::gemm),
    ("GlobalAveragePool", pool::average),
    ("Greater", compare::compare),
    ("GreaterOrEqual", compare::compare),
    ("HardSigmoid", function::function),
    ("HardSwish", function::function),
    ("Identity", assign::assign),
    ("InsertZeros", regrid::insert_zeros),
    ("LSTM", recurrent::lstm),
    ("LUT", |step| step.unsupported()),
    ("LayerNormalization", normalize::layer),
    ("LeakyRelu", function::function),
    ("Less", compare::compare),
    ("LessOrEqual", compare::compare),
    ("Log", function::function),
    ("LogSoftmax", softmax::log_softmax),
    ("LpNormalization", normalize::lp),
    ("MatMul", matmul::matmul),
    ("MaxPool", pool::max),
    ("Mod", powers::powers),
    ("Mul", elementwise::binary),
    ("Neg", activation::neg),
    ("PRelu", activation::prelu),
    ("Pad", regrid::pad),
    ("Pow", powers::powers),
    ("QuantizeLinear", assign::assign),
    ("RMSNormalization", normalize::rms),
    ("ReduceL1", reduce::reduce),
    ("ReduceL2", reduce::reduce),
    ("ReduceLogSum", reduce::reduce),
    ("ReduceLogSumExp", reduce::reduce),
    ("ReduceMax", reduce::reduce),
    ("ReduceMean", reduce::reduce),
    ("ReduceMin", reduce::reduce),
    ("ReduceProd", reduce::reduce),
    ("ReduceSum", reduce::reduce),
    ("ReduceSumSquare", reduce::reduce),
    ("Relu", activation::relu),
    ("RequantizeLinear", assign::assign),
    ("Reshape", moves::reshape),
    ("Resize", resize::resize),
    ("ReverseSequence", sequence::reverse),
    ("ScatterND", scatter::scatter),
    ("Sigmoid", function::function),
    ("Slice", moves::slice),
    ("Softmax", softmax::softmax),
    ("SpaceToDepth", blocks::space_to_depth),
    ("Split", regrid::split),
    ("Sqrt", function::function),
    ("Squeeze", moves::squeeze),
    ("StreamingCache", sequence::cache),
    ("Sub", elementwise::binary),
    ("Swish", function::function),
    ("Tanh", function::function),
    ("Transpose", moves::transpose),
    ("Unsqueeze", moves::unsqueeze),
];

/// Prepares a node's kernel: its table, where the chip uses one, else its operator's.
pub fn prepare(step: &Step) -> Result<Kernel> {
    if let Some(table) = activation::table(step)? {
        return Ok(table);
    }
    let op = step.node.op.as_str();
    match KERNELS.iter().find(|(name, _)| *name == op) {
        Some((_, prepare)) => prepare(step),
        None => step.unsupported(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops;

    #[test]
    fn the_interpreter_has_a_kernel_for_every_module_and_for_nothing_else() {
        let own: Vec<&str> = KERNELS.iter().map(|(name, _)| *name).collect();
        let modules = ops::all_on_chip().filter(|(_, chip)| chip.has_module()).map(|(name, _)| name);
        assert_eq!(own, modules.collect::<Vec<_>>());
    }
}
