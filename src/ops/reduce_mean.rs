//! ReduceMean: the mean along axes. <https://onnx.ai/onnx/operators/onnx__ReduceMean.html>

use super::{Operator, Role, reduce};

pub static OPERATOR: Operator = Operator {
    name: "ReduceMean",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, 0.0, |a, x| a + x, |a, n| a / n),
};
