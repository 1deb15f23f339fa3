//! ReduceL1: the sum of magnitudes along axes. <https://onnx.ai/onnx/operators/onnx__ReduceL1.html>

use super::reduce::{self, Reduction};
use super::{Operator, Role};

pub static OPERATOR: Operator = Operator {
    name: "ReduceL1",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, REDUCTION),
};

const REDUCTION: Reduction = Reduction { start: 0.0, step: |a, x| a + x.abs(), finish: |a, _| a };
