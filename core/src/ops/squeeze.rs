//! Squeeze: removes axes of one element. <https://onnx.ai/onnx/operators/onnx__Squeeze.html>

use super::axes::{constant_ints, normalize_all};
use super::operands::required;
use super::{Call, Operator, Treatment, reshaped};
use crate::chip::{Buffer, Chip, Scales, Support};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Squeeze",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip { scales: Scales::OfInput, buffer: Buffer::Shared, ..Chip::PLAIN }),
    infer: |call| reshaped::infer(call, shape(call)?),
    prepare: |call| reshaped::prepare(shape(call)?),
};

fn shape(call: &Call) -> Result<Vec<usize>> {
    let x = required(call, 0, "Squeeze")?;
    let axes = match constant_ints(call, "axes", 1)? {
        Some(axes) => normalize_all(&axes, x.shape.len())?,
        None => (0..x.shape.len()).filter(|&axis| x.shape[axis] == 1).collect(),
    };
    if let Some(&axis) = axes.iter().find(|&&axis| x.shape[axis] != 1) {
        bail!("Squeeze of axis {axis} of a tensor of shape {:?}", x.shape);
    }
    Ok((0..x.shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| x.shape[axis]).collect())
}
