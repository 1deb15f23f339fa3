//! Flatten: reshapes to two axes, those before `axis` and those from it on.
//! <https://onnx.ai/onnx/operators/onnx__Flatten.html>

use super::axes::normalize;
use super::operands::{checked_len, required};
use super::{Call, Operator, Treatment, reshaped};
use crate::Result;
use crate::chip::{Buffer, Chip, Scales, Support};

pub static OPERATOR: Operator = Operator {
    name: "Flatten",
    treatment: Treatment::PASSIVE,
    chip: Support::Runs(&Chip { scales: Scales::OfInput, buffer: Buffer::Shared, ..Chip::PLAIN }),
    infer: |call| reshaped::infer(call, shape(call)?),
    prepare: |call| reshaped::prepare(shape(call)?),
};

fn shape(call: &Call) -> Result<Vec<usize>> {
    let x = required(call, 0, "Flatten")?;
    let (axis, rank) = (call.attributes.int_or("axis", 1), x.shape.len());
    let axis = if axis == rank as i64 { rank } else { normalize(axis, rank)? };
    Ok(vec![checked_len(&x.shape[..axis])?, checked_len(&x.shape[axis..])?])
}
