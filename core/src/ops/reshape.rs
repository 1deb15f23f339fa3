//! Reshape: another shape for the same elements; 0 copies an axis, -1 is the remaining size.
//! <https://onnx.ai/onnx/operators/onnx__Reshape.html>

use super::axes::constant_ints;
use super::operands::{checked_len, required};
use super::{Call, Operator, Treatment, reshaped};
use crate::chip::{Buffer, Chip, Scales, Support};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Reshape",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip { scales: Scales::OfInput, buffer: Buffer::Shared, ..Chip::PLAIN }),
    infer: |call| reshaped::infer(call, shape(call)?),
    prepare: |call| reshaped::prepare(shape(call)?),
};

fn shape(call: &Call) -> Result<Vec<usize>> {
    let x = required(call, 0, "Reshape")?;
    let Some(target) = constant_ints(call, "shape", 1)? else { bail!("Reshape has no shape") };
    let literal_zero = call.attributes.int_or("allowzero", 0) != 0;
    let mut shape = Vec::with_capacity(target.len());
    let mut rest = None;
    for (axis, &size) in target.iter().enumerate() {
        shape.push(match size {
            0 if !literal_zero => match x.shape.get(axis) {
                Some(&size) => size,
                None => bail!("Reshape copies axis {axis} of a tensor of shape {:?}", x.shape),
            },
            -1 if rest.is_none() => {
                rest = Some(axis);
                1
            }
            size => match usize::try_from(size) {
                Ok(size) => size,
                Err(_) => bail!("Reshape to {target:?} is not defined"),
            },
        });
    }
    let (from, known) = (checked_len(&x.shape)?, checked_len(&shape)?);
    if let Some(axis) = rest
        && known > 0
        && from % known == 0
    {
        shape[axis] = from / known;
    }
    if checked_len(&shape)? != from {
        bail!("Reshape of {:?} to {target:?} does not keep the number of elements", x.shape);
    }
    Ok(shape)
}
