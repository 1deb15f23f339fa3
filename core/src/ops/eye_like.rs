//! EyeLike: ones on a diagonal, of the shape of its input. <https://onnx.ai/onnx/operators/onnx__EyeLike.html>

use super::cast::{cast, data_type};
use super::constant_result;
use super::operands::{checked_len, required};
use super::{Call, Operator, Treatment};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "EyeLike",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: |call| constant_result::infer(eye(call)?),
    prepare: |call| constant_result::prepare(eye(call)?),
};

fn eye(call: &Call) -> Result<Tensor> {
    let x = required(call, 0, "EyeLike")?;
    let [rows, columns] = x.shape[..] else { bail!("EyeLike takes a matrix, not shape {:?}", x.shape) };
    let k = call.attributes.int_or("k", 0);
    let mut ones = vec![0u8; checked_len(&x.shape)?];
    for row in 0..rows {
        let column = (row as i64).checked_add(k).and_then(|c| usize::try_from(c).ok());
        if let Some(column) = column.filter(|&c| c < columns) {
            ones[row * columns + column] = 1;
        }
    }
    let to = call.attributes.int("dtype").map_or(Ok(x.data_type), data_type)?;
    cast(Tensor::new(&x.shape, ones)?, to)
}
