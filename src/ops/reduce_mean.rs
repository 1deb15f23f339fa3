//! ReduceMean: the mean along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMean.html>

use super::reduce::{self, Reduction};
use super::{Operator, Role};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMean",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, REDUCTION),
};

const REDUCTION: Reduction = Reduction { start: 0.0, step: |a, x| a + x, finish: |a, n| a / n };
