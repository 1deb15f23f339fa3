//! ReduceLogSumExp: the logarithm of the sum of e^x along axes, in float64. <https://onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html>

use super::{Operator, Role, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceLogSumExp",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x.exp(), |a, _| a.ln()),
};
