//! RESHAPE, SQUEEZE, EXPAND_DIMS and TRANSPOSE. A Reshape sees TFLite's order of elements.

use super::{axis, upsample};
use crate::graph::Attribute;
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::{Layout, TO_LAST};
use crate::model::tflite::lowering::{Lowering, Placed};
use crate::{Error, Result, bail};

pub fn reshape(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let shape = target(l, op, &l.shape(input)?)?;
    if upsample::join(l, op, &shape)? || through(l, op, &shape)? {
        return Ok(());
    }
    l.reshaped(op, input, shape)
}

/// Returns the shape that RESHAPE, SQUEEZE or EXPAND_DIMS gives to an input of a shape.
pub fn target(l: &mut Lowering, op: &Operator, shape: &[usize]) -> Result<Vec<usize>> {
    match op.code {
        SQUEEZE => squeezed(op, shape),
        EXPAND_DIMS => expanded(l, op, shape),
        _ => wanted(l, op, shape.iter().product()),
    }
}

pub const RESHAPE: u32 = 22;
const SQUEEZE: u32 = 43;
const EXPAND_DIMS: u32 = 70;

/// Joins two that lead from one row of places to another, as between 1-D convolutions of Keras: no element moves, so that
/// the channels stay in front.
fn through(l: &mut Lowering, op: &Operator, shape: &[usize]) -> Result<bool> {
    let (input, output) = (op.input(0)?, op.output()?);
    let from = l.shape(input)?;
    let Some(next) = l.only_reader(output).filter(|next| matches!(next.code, RESHAPE | EXPAND_DIMS)) else {
        return Ok(false);
    };
    if !l.is_first(input) || next.optional(0) != Some(output) || l.is_joined(next) {
        return Ok(false);
    }
    let to = target(l, next, shape)?;
    match (from.as_slice(), to.as_slice()) {
        (&[n, h, w, c], &[n2, h2, w2, c2])
            if n == n2 && c == c2 && (h == 1 || w == 1) && (h2 == 1 || w2 == 1) && h * w == h2 * w2 =>
        {
            l.join([next.index]);
            l.reshaped_first(next, input, to)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Returns the new shape: from a constant, else as recorded, where the batch is 1 and one more length may be free.
fn wanted(l: &mut Lowering, op: &Operator, count: usize) -> Result<Vec<usize>> {
    let given = match op.optional(1) {
        Some(shape) => l.constant(shape)?.and_then(|shape| shape.to_i64s()),
        None => None,
    };
    let info = &l.file.tensors[op.output()?];
    let options = op.ints(0)?;
    let recorded: Vec<i64> = info.shape.iter().map(|&length| length as i64).collect();
    let free: Vec<i64> = info.signature.iter().map(|&length| i64::from(length)).collect();
    let written = given.clone().unwrap_or_else(|| options.into_iter().map(i64::from).collect());
    // A shape without axes is one number, where it is given.
    let is_known = given.is_some() || !written.is_empty();
    let candidates = [Some(&written).filter(|_| is_known), Some(&recorded), Some(&free)];
    if let Some(shape) = candidates.into_iter().flatten().find_map(|shape| complete(shape, count)) {
        return Ok(shape);
    }
    let (what, help) = match is_known {
        true => (
            format!("{count} elements cannot take the shape {written:?}"),
            "the model was converted for another batch: convert it with a batch of 1",
        ),
        false => (
            format!("{count} elements cannot take a shape that is computed from values"),
            "convert the model with a fixed batch of 1: keras.Input(..., batch_size=1)",
        ),
    };
    Err(Error::new(what).with_help(help))
}

/// Replaces the -1 of a shape; `None` if the shape does not have so many elements.
fn complete(shape: &[i64], count: usize) -> Option<Vec<usize>> {
    let known = shape
        .iter()
        .filter(|&&length| length >= 0)
        .try_fold(1usize, |known, &length| known.checked_mul(usize::try_from(length).ok()?))?;
    let free = shape.iter().filter(|&&length| length < 0).count();
    let length = |&length: &i64| match usize::try_from(length) {
        Ok(length) => Some(length),
        Err(_) => count.checked_div(known),
    };
    let complete: Vec<usize> = shape.iter().map(length).collect::<Option<_>>()?;
    let whole = complete.iter().try_fold(1usize, |whole, &length| whole.checked_mul(length))?;
    (free <= 1 && whole == count).then_some(complete)
}

pub fn squeeze(l: &mut Lowering, op: &Operator) -> Result<()> {
    reshape(l, op)
}

fn squeezed(op: &Operator, shape: &[usize]) -> Result<Vec<usize>> {
    let listed = op.ints(0)?;
    let axes: Vec<usize> = listed.iter().map(|&a| axis(a.into(), shape.len())).collect::<Result<_>>()?;
    let goes = |at: usize| if axes.is_empty() { shape[at] == 1 } else { axes.contains(&at) };
    if let Some(at) = (0..shape.len()).find(|&at| goes(at) && shape[at] != 1) {
        bail!("axis {at} of shape {shape:?} is not 1")
    }
    Ok((0..shape.len()).filter(|&at| !goes(at)).map(|at| shape[at]).collect())
}

pub fn expand_dims(l: &mut Lowering, op: &Operator) -> Result<()> {
    reshape(l, op)
}

fn expanded(l: &mut Lowering, op: &Operator, shape: &[usize]) -> Result<Vec<usize>> {
    let &[at] = l.ints(op.input(1)?, "axis")?.as_slice() else { bail!("not one axis") };
    let mut shape = shape.to_vec();
    shape.insert(axis(at, shape.len() + 1)?, 1);
    Ok(shape)
}

pub fn transpose(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let listed = l.ints(op.input(1)?, "order of axes")?;
    let order: Vec<usize> = listed.iter().map(|&a| axis(a, shape.len())).collect::<Result<_>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..shape.len()) {
        bail!("{listed:?} is no order of {} axes", shape.len())
    }
    let moved: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    let long = |axis: &&usize| shape[**axis] != 1;
    if order.iter().filter(long).is_sorted() {
        return l.reshaped(op, input, moved);
    }
    // From channels first in one step.
    let is_first = l.is_first(input);
    let order: Vec<usize> = if is_first { order.iter().map(|&axis| TO_LAST[axis]).collect() } else { order };
    let x = l.laid(input, if is_first { Layout::First } else { Layout::Plain })?;
    if order.is_sorted() {
        return l.set(op.output()?, x, Layout::Plain, moved);
    }
    let order = order.iter().map(|&axis| axis as i64).collect();
    l.emit(op, "Transpose", &[Some(x)], [("perm", Attribute::Ints(order))], Placed::new(Layout::Plain, moved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_length_is_what_is_left() {
        assert_eq!(complete(&[-1, 4], 12), Some(vec![3, 4]));
        assert_eq!(complete(&[2, 6], 12), Some(vec![2, 6]));
        for shape in [&[-1, -1, 12][..], &[5, -1], &[1, 4], &[-1, 0], &[i64::MAX, i64::MAX, 4]] {
            assert_eq!(complete(shape, 12), None, "{shape:?}");
        }
        assert_eq!(complete(&[], 1), Some(vec![]));
    }
}
