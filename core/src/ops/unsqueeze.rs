//! Unsqueeze: inserts axes of one element. <https://onnx.ai/onnx/operators/onnx__Unsqueeze.html>

use super::axes::{constant_ints, normalize_all};
use super::operands::required;
use super::{Call, Operator, Treatment, reshaped};
use crate::chip::{Buffer, Chip, Scales, Support};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Unsqueeze",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip { scales: Scales::OfInput, buffer: Buffer::Shared, ..Chip::PLAIN }),
    infer: |call| reshaped::infer(call, shape(call)?),
    prepare: |call| reshaped::prepare(shape(call)?),
};

fn shape(call: &Call) -> Result<Vec<usize>> {
    let x = required(call, 0, "Unsqueeze")?;
    let Some(axes) = constant_ints(call, "axes", 1)? else { bail!("Unsqueeze has no axes") };
    let rank = x.shape.len() + axes.len();
    let axes = normalize_all(&axes, rank)?;
    let mut sizes = x.shape.iter().copied();
    Ok((0..rank).map(|axis| if axes.contains(&axis) { 1 } else { sizes.next().unwrap_or(1) }).collect())
}
