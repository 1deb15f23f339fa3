//! ReduceLogSumExp: the logarithm of the sum of e^x along axes, in float64. <https://onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceLogSumExp",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x.exp(), |a, _| a.ln()),
};
