//! ReduceLogSumExp: the logarithm of the sum of e^x along axes, in float64. <https://onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html>

use super::reduce::{self, Reduction};
use super::{Operator, Role};

pub static OPERATOR: Operator = Operator {
    name: "ReduceLogSumExp",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, REDUCTION),
};

const REDUCTION: Reduction = Reduction { start: 0.0, step: |a, x| a + x.exp(), finish: |a, _| a.ln() };
