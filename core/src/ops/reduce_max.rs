//! ReduceMax: the largest along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMax.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMax",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: reduce::EXTREME,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, f64::NEG_INFINITY, |a, x| if x.is_nan() || x > a { x } else { a }, |a, _| a),
};
