//! ReduceLogSum: the logarithm of the sum along axes. <https://onnx.ai/onnx/operators/onnx__ReduceLogSum.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceLogSum",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x, |a, _| a.ln()),
};
