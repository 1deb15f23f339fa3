//! Size: the number of elements. <https://onnx.ai/onnx/operators/onnx__Size.html>

use super::operands::{checked_len, required};
use super::{Call, Operator, Treatment, constant_result};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "Size",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: |call| constant_result::infer(value(call)?),
    prepare: |call| constant_result::prepare(value(call)?),
};

fn value(call: &Call) -> Result<Tensor> {
    Ok(Tensor::scalar(checked_len(&required(call, 0, "Size")?.shape)? as i64))
}
