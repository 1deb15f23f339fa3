//! ReduceL1: the sum of magnitudes along axes. <https://onnx.ai/onnx/operators/onnx__ReduceL1.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceL1",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x.abs(), |a, _| a),
};
