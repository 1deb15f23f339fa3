//! ReduceMin: the smallest along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMin.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMin",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: reduce::EXTREME,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, f64::INFINITY, |a, x| if x.is_nan() || x < a { x } else { a }, |a, _| a),
};
