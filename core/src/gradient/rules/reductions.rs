//! Sums and extremes over axes.

use crate::Result;
use crate::graph::axes::from_front;
use crate::graph::{Tensor, ValueId};

use super::super::tape::Tape;
use super::elementwise::scaled;
use super::{At, Found};

/// Returns the input's shape, and the shape with the reduced axes of length 1.
fn shapes(tape: &Tape, at: &At) -> Option<(Vec<usize>, Vec<usize>)> {
    let shape = tape.forward.shape(at.input(0)?)?.to_vec();
    let axes: Vec<usize> = match at.node.op.as_str() {
        "GlobalAveragePool" | "GlobalMaxPool" => (2..shape.len()).collect(),
        _ => match tape.forward.ints(at.node, "axes", 1) {
            Some(axes) if !axes.is_empty() => {
                axes.iter().map(|&axis| from_front(axis, shape.len())).collect::<Option<_>>()?
            }
            // Axes that are computed are not known; left out, they are all.
            _ if at.input(1).is_some_and(|value| tape.forward.value(value).constant.is_none()) => return None,
            _ if at.node.attributes.int_or("noop_with_empty_axes", 0) != 0 => Vec::new(),
            _ => (0..shape.len()).collect(),
        },
    };
    let mut kept = shape.clone();
    axes.iter().for_each(|&axis| kept[axis] = 1);
    Some((shape, kept))
}

/// Repeats a reduced value along the reduced axes.
fn spread(tape: &mut Tape, value: ValueId, shape: &[usize], kept: &[usize]) -> Result<ValueId> {
    let value = tape.reshape(value, kept)?;
    let shape = tape.ints(shape)?;
    tape.op("Expand", &[value, shape])
}

/// ReduceSum, ReduceMean and GlobalAveragePool.
pub fn sum(tape: &mut Tape, at: &At) -> Found {
    let Some((shape, kept)) = shapes(tape, at) else { return Ok(None) };
    let count = shape.iter().product::<usize>() / kept.iter().product::<usize>().max(1);
    let share = if at.node.op == "ReduceSum" { 1.0 } else { 1.0 / count.max(1) as f32 };
    let gradient = scaled(tape, at.gradient, share)?;
    Ok(Some(vec![(0, spread(tape, gradient, &shape, &kept)?)]))
}

/// ReduceMax, ReduceMin and GlobalMaxPool: the gradient where the input is the output.
pub fn extreme(tape: &mut Tape, at: &At) -> Found {
    let Some((shape, kept)) = shapes(tape, at) else { return Ok(None) };
    let (Some(x), Some(y)) = (at.input(0), at.output()) else { return Ok(None) };
    let (x, y) = (tape.value(x), tape.value(y));
    let (y, gradient) = (spread(tape, y, &shape, &kept)?, spread(tape, at.gradient, &shape, &kept)?);
    let is_taken = tape.op("Equal", &[x, y])?;
    let zero = tape.number(0.0);
    Ok(Some(vec![(0, tape.op("Where", &[is_taken, gradient, zero])?)]))
}

/// ReduceL2: g x / y. ReduceSumSquare: 2 g x.
pub fn squares(tape: &mut Tape, at: &At) -> Found {
    let Some((shape, kept)) = shapes(tape, at) else { return Ok(None) };
    let (Some(x), Some(y)) = (at.input(0), at.output()) else { return Ok(None) };
    let gradient = match at.node.op == "ReduceL2" {
        true => {
            // Nothing divides by 0 where all elements are 0.
            let (y, least) = (tape.value(y), tape.constant(Tensor::scalar(f32::MIN_POSITIVE)));
            let y = tape.op("Max", &[y, least])?;
            tape.op("Div", &[at.gradient, y])?
        }
        false => scaled(tape, at.gradient, 2.0)?,
    };
    let gradient = spread(tape, gradient, &shape, &kept)?;
    let x = tape.value(x);
    Ok(Some(vec![(0, tape.op("Mul", &[gradient, x])?)]))
}
