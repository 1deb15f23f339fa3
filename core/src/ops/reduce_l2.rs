//! ReduceL2: the root of the sum of squares along axes. <https://onnx.ai/onnx/operators/onnx__ReduceL2.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceL2",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x * x, |a, _| a.sqrt()),
};
