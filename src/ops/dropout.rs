//! Dropout: its input, at inference. <https://onnx.ai/onnx/operators/onnx__Dropout.html>

use super::operands::required;
use super::{Call, Operator, Role, reshaped};
use crate::Result;

pub static OPERATOR: Operator = Operator {
    name: "Dropout",
    role: Role::Passive,
    infer: |call| reshaped::infer(call, shape(call)?),
    prepare: |call| reshaped::prepare(shape(call)?),
};

fn shape(call: &Call) -> Result<Vec<usize>> {
    Ok(required(call, 0, "Dropout")?.shape.clone())
}
