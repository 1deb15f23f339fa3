//! Normalizations, and the softmaxes.

use crate::Result;
use crate::graph::axes::from_front;
use crate::graph::{Attribute, Tensor, ValueId};

use super::super::tape::{Tape, attributes};
use super::{At, Found};

/// BatchNormalization with constant statistics: a factor for each channel.
pub fn batch(tape: &mut Tape, at: &At) -> Found {
    let floats = |port: usize| {
        let constant = tape.forward.value(at.input(port)?).constant.as_ref()?;
        constant.slice::<f32>().map(<[f32]>::to_vec)
    };
    let (Some(scale), Some(variance)) = (floats(1), floats(4)) else { return Ok(None) };
    let epsilon = at.node.attributes.float_or("epsilon", 1e-5);
    let factors: Vec<f32> = scale.iter().zip(&variance).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
    let factors = by_channel(tape, at, factors)?;
    Ok(Some(vec![(0, tape.op("Mul", &[at.gradient, factors])?)]))
}

/// Makes a constant with one number for each channel.
fn by_channel(tape: &mut Tape, at: &At, numbers: Vec<f32>) -> Result<ValueId> {
    let rank = tape.shape(at.gradient).len();
    let mut shape = vec![1; rank];
    if let Some(channels) = shape.get_mut(1) {
        *channels = numbers.len();
    }
    Ok(tape.constant(Tensor::new(&shape, numbers)?))
}

fn mean(tape: &mut Tape, value: ValueId, axes: &[usize]) -> Result<ValueId> {
    let axes = tape.ints(axes)?;
    tape.op("ReduceMean", &[value, axes])
}

/// Differentiates y = w (x - mean) / deviation over `axes`, or without the mean; `weighted` is the gradient times w.
fn normalization(
    tape: &mut Tape,
    x: ValueId,
    weighted: ValueId,
    axes: &[usize],
    epsilon: f32,
    is_centred: bool,
) -> Result<ValueId> {
    let centred = match is_centred {
        true => {
            let mean = mean(tape, x, axes)?;
            tape.op("Sub", &[x, mean])?
        }
        false => x,
    };
    let squares = tape.op("Mul", &[centred, centred])?;
    let (power, epsilon) = (mean(tape, squares, axes)?, tape.number(epsilon));
    let variance = tape.op("Add", &[power, epsilon])?;
    let deviation = tape.op("Sqrt", &[variance])?;
    let normal = tape.op("Div", &[centred, deviation])?;
    // The part of the gradient along x, and the part along a shift, change nothing.
    let product = tape.op("Mul", &[weighted, normal])?;
    let along = mean(tape, product, axes)?;
    let scaling = tape.op("Mul", &[normal, along])?;
    let mut left = tape.op("Sub", &[weighted, scaling])?;
    if is_centred {
        let shift = mean(tape, weighted, axes)?;
        left = tape.op("Sub", &[left, shift])?;
    }
    tape.op("Div", &[left, deviation])
}

/// LayerNormalization over the axes from `axis` on.
pub fn layer(tape: &mut Tape, at: &At) -> Found {
    from_axis(tape, at, true)
}

/// RMSNormalization over the axes from `axis` on.
pub fn rms(tape: &mut Tape, at: &At) -> Found {
    from_axis(tape, at, false)
}

fn from_axis(tape: &mut Tape, at: &At, is_centred: bool) -> Found {
    let (Some(x), Some(scale)) = (at.input(0), at.input(1)) else { return Ok(None) };
    let rank = tape.shape(at.gradient).len();
    let Some(first) = from_front(at.node.attributes.int_or("axis", -1), rank) else { return Ok(None) };
    let (x, scale) = (tape.value(x), tape.value(scale));
    let weighted = tape.op("Mul", &[at.gradient, scale])?;
    let axes: Vec<usize> = (first..rank).collect();
    let epsilon = at.node.attributes.float_or("epsilon", 1e-5);
    Ok(Some(vec![(0, normalization(tape, x, weighted, &axes, epsilon, is_centred)?)]))
}

/// InstanceNormalization over the spatial axes, with a factor for each channel.
pub fn instance(tape: &mut Tape, at: &At) -> Found {
    let scale = at.input(1).and_then(|value| tape.forward.value(value).constant.as_ref()?.slice::<f32>());
    let (Some(x), Some(scale)) = (at.input(0), scale.map(<[f32]>::to_vec)) else { return Ok(None) };
    let (x, scale) = (tape.value(x), by_channel(tape, at, scale)?);
    let weighted = tape.op("Mul", &[at.gradient, scale])?;
    let axes: Vec<usize> = (2..tape.shape(at.gradient).len()).collect();
    let epsilon = at.node.attributes.float_or("epsilon", 1e-5);
    Ok(Some(vec![(0, normalization(tape, x, weighted, &axes, epsilon, true)?)]))
}

/// Returns the axis of a softmax; before operator set 13 it joins all axes behind it.
fn softmax_axis(tape: &Tape, at: &At) -> Option<usize> {
    let rank = tape.shape(at.gradient).len();
    let is_old = tape.forward.opset < 13;
    let axis = from_front(at.node.attributes.int_or("axis", if is_old { 1 } else { -1 }), rank)?;
    (!is_old || axis + 1 == rank).then_some(axis)
}

/// Softmax: y (g - sum(g y)).
pub fn softmax(tape: &mut Tape, at: &At) -> Found {
    let (Some(axis), Some(y)) = (softmax_axis(tape, at), at.output()) else { return Ok(None) };
    let (y, axes) = (tape.value(y), tape.ints(&[axis])?);
    let product = tape.op("Mul", &[at.gradient, y])?;
    let sum = tape.op_with("ReduceSum", &[product, axes], attributes([("keepdims", Attribute::Int(1))]))?;
    let rest = tape.op("Sub", &[at.gradient, sum])?;
    Ok(Some(vec![(0, tape.op("Mul", &[y, rest])?)]))
}

/// LogSoftmax: g - e^y sum(g).
pub fn log_softmax(tape: &mut Tape, at: &At) -> Found {
    let (Some(axis), Some(y)) = (softmax_axis(tape, at), at.output()) else { return Ok(None) };
    let (y, axes) = (tape.value(y), tape.ints(&[axis])?);
    let sum = tape.op("ReduceSum", &[at.gradient, axes])?;
    let share = tape.op("Exp", &[y])?;
    let part = tape.op("Mul", &[share, sum])?;
    Ok(Some(vec![(0, tape.op("Sub", &[at.gradient, part])?)]))
}
