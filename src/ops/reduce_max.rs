//! ReduceMax: the largest along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMax.html>

use super::{Operator, Role, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMax",
    role: Role::Passive,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, f64::NEG_INFINITY, |a, x| if x.is_nan() || x > a { x } else { a }, |a, _| a),
};
