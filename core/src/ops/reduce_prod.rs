//! ReduceProd: the product along axes. <https://onnx.ai/onnx/operators/onnx__ReduceProd.html>

use super::{Operator, Treatment, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceProd",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: reduce::CHIP,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 1.0, |a, x| a * x, |a, _| a),
};
