//! ReduceSumSquare: the sum of squares along axes. <https://onnx.ai/onnx/operators/onnx__ReduceSumSquare.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceSumSquare",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x * x, |a, _| a),
};
