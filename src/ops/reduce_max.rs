//! ReduceMax: the largest along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMax.html>

use super::reduce::{self, Reduction};
use super::{Operator, Role};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMax",
    role: Role::Passive,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, REDUCTION),
};

const REDUCTION: Reduction =
    Reduction { start: f64::NEG_INFINITY, step: |a, x| if x.is_nan() || x > a { x } else { a }, finish: |a, _| a };
