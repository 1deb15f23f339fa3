//! The interpreter's own table of operators: a function for every module of ESP-DL.

use crate::Result;

use super::kernel::Kernel;
use super::node_context::Step;
use super::{
    activation, compare, concat, conv, depth_space, elementwise, function, matmul, normalize, pad_split, pool, pow_mod,
    recurrent, reduce, requantize, resize, scatter, sequence, shape_ops, softmax,
};

type Prepare = fn(&Step) -> Result<Kernel>;

/// Functions by operator name.
const KERNELS: &[(&str, Prepare)] = &[
    ("Add", elementwise::binary),
    ("AveragePool", pool::average),
    ("Clip", activation::clip),
    ("Concat", concat::concat),
    ("Conv", conv::conv),
    ("DepthToSpace", depth_space::depth_to_space),
    ("DequantizeLinear", requantize::assign),
    ("Div", elementwise::binary),
    ("Elu", function::function),
    ("Equal", compare::compare),
    ("Exp", function::function),
    ("Flatten", shape_ops::flatten),
    ("GRU", recurrent::gru),
    ("Gather", shape_ops::gather),
    // Gelu is supported as a table only.
    ("Gelu", |step| step.unsupported()),
    ("Gemm", conv::gemm),
    ("GlobalAveragePool", pool::average),
    ("Greater", compare::compare),
    ("GreaterOrEqual", compare::compare),
    ("HardSigmoid", function::function),
    ("HardSwish", function::function),
    ("Identity", requantize::assign),
    ("InsertZeros", pad_split::insert_zeros),
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
    ("Mod", pow_mod::powers),
    ("Mul", elementwise::binary),
    ("Neg", activation::neg),
    ("PRelu", activation::prelu),
    ("Pad", pad_split::pad),
    ("Pow", pow_mod::powers),
    ("QuantizeLinear", requantize::assign),
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
    ("RequantizeLinear", requantize::assign),
    ("Reshape", shape_ops::reshape),
    ("Resize", resize::resize),
    ("ReverseSequence", sequence::reverse),
    ("ScatterND", scatter::scatter),
    ("Sigmoid", function::function),
    ("Slice", shape_ops::slice),
    ("Softmax", softmax::softmax),
    ("SpaceToDepth", depth_space::space_to_depth),
    ("Split", pad_split::split),
    ("Sqrt", function::function),
    ("Squeeze", shape_ops::squeeze),
    ("StreamingCache", sequence::cache),
    ("Sub", elementwise::binary),
    ("Swish", function::function),
    ("Tanh", function::function),
    ("Transpose", shape_ops::transpose),
    ("Unsqueeze", shape_ops::unsqueeze),
];

/// Prepares a node's kernel: its table if the chip uses one, else its operator's.
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
