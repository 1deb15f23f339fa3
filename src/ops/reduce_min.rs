//! ReduceMin: the smallest along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMin.html>

use super::reduce::{self, Reduction};
use super::{Operator, Role};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMin",
    role: Role::Passive,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, REDUCTION),
};

const REDUCTION: Reduction =
    Reduction { start: f64::INFINITY, step: |a, x| if x.is_nan() || x < a { x } else { a }, finish: |a, _| a };
