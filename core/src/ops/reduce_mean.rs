//! ReduceMean: the mean along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMean.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMean",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x, |a, n| a / n),
};
