//! ReduceSum: the sum along axes. <https://onnx.ai/onnx/operators/onnx__ReduceSum.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceSum",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x, |a, _| a),
};
