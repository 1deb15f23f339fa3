//! ReduceProd: the product along axes. <https://onnx.ai/onnx/operators/onnx__ReduceProd.html>

use super::{Operator, Role, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceProd",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 1.0, |a, x| a * x, |a, _| a),
};
