//! ReduceSum: the sum along axes. <https://onnx.ai/onnx/operators/onnx__ReduceSum.html>

use super::{Operator, Role, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceSum",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x, |a, _| a),
};
