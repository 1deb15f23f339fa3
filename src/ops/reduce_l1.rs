//! ReduceL1: the sum of magnitudes along axes. <https://onnx.ai/onnx/operators/onnx__ReduceL1.html>

use super::{Operator, Role, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceL1",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x.abs(), |a, _| a),
};
