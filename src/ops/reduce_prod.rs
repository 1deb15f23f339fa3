//! ReduceProd: the product along axes. <https://onnx.ai/onnx/operators/onnx__ReduceProd.html>

use super::reduce::{self, Reduction};
use super::{Operator, Role};

pub static OPERATOR: Operator = Operator {
    name: "ReduceProd",
    role: Role::Plain,
    infer: reduce::infer,
    prepare: |call| reduce::prepare(call, REDUCTION),
};

const REDUCTION: Reduction = Reduction { start: 1.0, step: |a, x| a * x, finish: |a, _| a };
