//! ReduceLogSum: the logarithm of the sum along axes. <https://onnx.ai/onnx/operators/onnx__ReduceLogSum.html>

use super::reduce::{self, Reduction};
use super::{Operator, Role};

pub static OPERATOR: Operator = Operator {
    name: "ReduceLogSum",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, REDUCTION),
};

const REDUCTION: Reduction = Reduction { start: 0.0, step: |a, x| a + x, finish: |a, _| a.ln() };
