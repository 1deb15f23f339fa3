//! Operators of two values that broadcast: in the order of axes that one of them has.

use crate::graph::{Tensor, ValueId};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Placed};
use crate::{Result, bail};

macro_rules! operators {
    ($($name:ident $onnx:literal $fused:expr;)*) => {
        $(pub fn $name(l: &mut Lowering, op: &Operator) -> Result<()> { plain(l, op, $onnx, $fused) })*
    };
}

operators! {
    add "Add" Some(0);
    sub "Sub" Some(0);
    mul "Mul" Some(0);
    div "Div" Some(0);
    pow "Pow" None;
    less "Less" None;
    less_equal "LessOrEqual" None;
    greater "Greater" None;
    greater_equal "GreaterOrEqual" None;
    equal "Equal" None;
    or "Or" None;
    and "And" None;
}

pub fn maximum(l: &mut Lowering, op: &Operator) -> Result<()> {
    match limited(l, op)? {
        Some((value, limit)) => limit_to(l, op, value, [Some(limit), None]),
        None => plain(l, op, "Max", None),
    }
}

pub fn minimum(l: &mut Lowering, op: &Operator) -> Result<()> {
    match limited(l, op)? {
        Some((value, limit)) => limit_to(l, op, value, [None, Some(limit)]),
        None => plain(l, op, "Min", None),
    }
}

/// Returns the value and the number that limits it, if one side is a single number: ESP-DL has Clip, but no Max.
fn limited(l: &mut Lowering, op: &Operator) -> Result<Option<(usize, f32)>> {
    for (value, limit) in [(op.input(0)?, op.input(1)?), (op.input(1)?, op.input(0)?)] {
        let rank = l.shape(limit)?.len();
        if let Some(limit) = l.constant(limit)?
            && let Some(&[limit]) = limit.slice::<f32>()
            && l.constant(value)?.is_none()
            && rank <= l.shape(value)?.len()
        {
            return Ok(Some((value, limit)));
        }
    }
    Ok(None)
}

fn limit_to(l: &mut Lowering, op: &Operator, value: usize, limits: [Option<f32>; 2]) -> Result<()> {
    let (layout, shape) = (l.layout(value), l.shape(value)?);
    let x = l.laid(value, layout)?;
    let base = l.base(op);
    let [least, most] = [("min", limits[0]), ("max", limits[1])]
        .map(|(name, limit)| limit.map(|limit| l.add_constant(&format!("{base}/{name}"), Tensor::scalar(limit))));
    let mut inputs = vec![Some(x), least];
    inputs.extend(most.map(Some));
    l.emit(op, "Clip", &inputs, [], Placed::new(layout, shape))
}

/// Adds the operator's node; `fused` is the field of its activation.
fn plain(l: &mut Lowering, op: &Operator, onnx: &str, fused: Option<usize>) -> Result<()> {
    let (inputs, placed) = sides(l, op)?;
    let activation = fused.map_or(Ok(Activation::None), |field| Activation::fused(op, field))?;
    l.emit(op, onnx, &inputs, [], placed.with(activation))
}

/// Returns both values in one layout.
fn sides(l: &mut Lowering, op: &Operator) -> Result<([Option<ValueId>; 2], Placed)> {
    let [a, b] = [op.input(0)?, op.input(1)?];
    let shape = broadcast(&l.shape(a)?, &l.shape(b)?)?;
    let is_first = shape.len() == 4 && (l.is_first(a) || l.is_first(b));
    let layout = if is_first { Layout::First } else { Layout::Plain };
    let values = [Some(l.broadcast(a, layout, shape.len())?), Some(l.broadcast(b, layout, shape.len())?)];
    Ok((values, Placed::new(layout, shape)))
}

/// Returns the shape of two that broadcast.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| {
        (axis + shape.len()).checked_sub(rank).and_then(|axis| shape.get(axis)).copied().unwrap_or(1)
    };
    let axis = |axis| match (length(a, axis), length(b, axis)) {
        (1, other) | (other, 1) => Ok(other),
        (one, other) if one == other => Ok(one),
        _ => bail!("shapes {a:?} and {b:?} do not broadcast"),
    };
    (0..rank).map(axis).collect()
}

/// The square of a difference: Sub, and Mul with itself.
pub fn squared_difference(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (inputs, placed) = sides(l, op)?;
    let difference = l.node(&format!("{}/Sub", l.base(op)), "Sub", &inputs, []);
    l.emit(op, "Mul", &[Some(difference), Some(difference)], [], placed)
}

pub fn floor_div(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (inputs, placed) = sides(l, op)?;
    let quotient = l.node(&format!("{}/Div", l.base(op)), "Div", &inputs, []);
    l.emit(op, "Floor", &[Some(quotient)], [], placed)
}

pub fn not_equal(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (inputs, placed) = sides(l, op)?;
    let is_equal = l.node(&format!("{}/Equal", l.base(op)), "Equal", &inputs, []);
    l.emit(op, "Not", &[Some(is_equal)], [], placed)
}

/// The sum of several values of one shape: Adds in a chain.
pub fn add_n(l: &mut Lowering, op: &Operator) -> Result<()> {
    let inputs: Option<Vec<usize>> = op.inputs.iter().copied().collect();
    let Some(inputs) = inputs.filter(|inputs| inputs.len() > 1) else { bail!("fewer than two inputs") };
    let shape = l.shape(inputs[0])?;
    let is_first = shape.len() == 4 && inputs.iter().any(|&input| l.is_first(input));
    let layout = if is_first { Layout::First } else { Layout::Plain };
    let mut sum = l.laid(inputs[0], layout)?;
    for (at, &input) in inputs.iter().enumerate().skip(1) {
        let next = l.laid(input, layout)?;
        if at + 1 == inputs.len() {
            return l.emit(op, "Add", &[Some(sum), Some(next)], [], Placed::new(layout, shape));
        }
        sum = l.node(&format!("{}/Add", l.base(op)), "Add", &[Some(sum), Some(next)], []);
    }
    Ok(())
}
