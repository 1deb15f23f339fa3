//! Other shapes of the same elements, and repetitions.

use super::shape;
use crate::graph::{Attribute, Tensor, ValueId};
use crate::model::pt2::lowering::{Call, Lowering, front};
use crate::{Result, bail};

fn reshaped(l: &mut Lowering, x: ValueId, to: Vec<i64>) -> ValueId {
    let to = l.int_constant(to);
    shape::reshape(l, x, to)
}

pub fn reshape<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let name = if call.argument("shape").is_some() { "shape" } else { "size" };
    let sizes = l.ints(call, name)?.unwrap_or_default();
    let y = reshaped(l, x, sizes);
    l.set(call, y)
}

pub fn reshape_as<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, other) = (l.input(call, "self")?, l.input(call, "other")?);
    let whole = shape::of(l, other);
    let y = shape::reshape(l, x, whole);
    l.set(call, y)
}

pub fn flatten<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let rank = l.shape(call, "self")?.len();
    let y = match rank {
        0 => reshaped(l, x, vec![1]),
        1 => x,
        _ => {
            let (start, end) = (l.axis(call, "start_dim", 0, rank)?, l.axis(call, "end_dim", -1, rank)?);
            flattened(l, x, rank, start, end)
        }
    };
    l.set(call, y)
}

/// Adds the nodes that make one axis of several, of a value with at least two.
fn flattened(l: &mut Lowering, x: ValueId, rank: usize, start: usize, end: usize) -> ValueId {
    // Two dimensions are a Flatten.
    let axis = match (start, end) {
        (1, end) if end == rank - 1 => Some(1),
        (0, end) if end == rank - 2 => Some(end + 1),
        _ => None,
    };
    if let Some(axis) = axis {
        return l.node("Flatten", &[x], [("axis", Attribute::Int(axis as i64))]);
    }
    let lengths = shape::of(l, x);
    let front = shape::part(l, lengths, 0, start as i64);
    let mut parts = vec![front, l.int_constant(vec![-1])];
    if end < rank - 1 {
        parts.push(shape::part(l, lengths, end as i64 + 1, rank as i64));
    }
    let whole = shape::joined(l, &parts);
    shape::reshape(l, x, whole)
}

/// Repeats each element of an axis: a new axis behind it is repeated, and both become one.
pub fn repeat_interleave<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (mut x, mut rank) = (l.input(call, "self")?, l.shape(call, "self")?.len());
    let repeats = l.int(call, "repeats", 1)?;
    if l.optional_int(call, "dim")?.is_none() {
        x = reshaped(l, x, vec![-1]);
        rank = 1;
    }
    let axis = l.axis(call, "dim", 0, rank)?;
    let axes = l.int_constant(vec![axis as i64 + 1]);
    let wide = l.node("Unsqueeze", &[x, axes], []);
    let mut counts = vec![1; rank + 1];
    counts[axis + 1] = repeats;
    let counts = l.int_constant(counts);
    let tiled = l.node("Tile", &[wide, counts], []);
    let y = flattened(l, tiled, rank + 1, axis, axis + 1);
    l.set(call, y)
}

pub fn unflatten<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let rank = l.shape(call, "self")?.len() as i64;
    let (dim, sizes) = (l.int(call, "dim", 0)?, l.ints(call, "sizes")?);
    let Some(sizes) = sizes.filter(|sizes| !sizes.is_empty() && rank > 0) else { bail!("its sizes are missing") };
    let [at, count, one] = [dim.saturating_add(rank), rank, 1].map(|int| l.int_constant(vec![int]));
    let dim = l.node("Mod", &[at, count], [("fmod", Attribute::Int(0))]);
    let lengths = shape::of(l, x);
    let end = reshaped(l, dim, vec![1]);
    let first = l.int_constant(vec![0]);
    let front = l.node("Slice", &[lengths, first, end], []);
    let next = l.node("Add", &[dim, one], []);
    let next = reshaped(l, next, vec![1]);
    let last = l.int_constant(vec![i64::MAX]);
    let behind = l.node("Slice", &[lengths, next, last], []);
    let sizes = l.int_constant(sizes);
    let whole = shape::joined(l, &[front, sizes, behind]);
    let y = shape::reshape(l, x, whole);
    l.set(call, y)
}

pub fn unsqueeze<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let (rank, dim) = (l.shape(call, "self")?.len() + 1, l.int(call, "dim", 0)?);
    front(dim, rank)?;
    // As it is written: onnxsim joins it with a reduction along an axis that is written the same way.
    let axes = l.int_constant(vec![dim]);
    let y = l.node("Unsqueeze", &[x, axes], []);
    l.set(call, y)
}

/// Only axes of length 1 go.
pub fn squeeze<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, lengths) = (l.input(call, "self")?, l.shape(call, "self")?);
    let Some(axes) = l.ints(call, "dim")? else {
        let y = l.node("Squeeze", &[x], []);
        return l.set(call, y);
    };
    let axes: Vec<usize> = axes.iter().map(|&axis| front(axis, lengths.len())).collect::<Result<_>>()?;
    let gone: Vec<i64> = axes.into_iter().filter(|&axis| lengths[axis] == 1).map(|axis| axis as i64).collect();
    if gone.is_empty() {
        return l.set(call, x);
    }
    let axes = l.int_constant(gone);
    let y = l.node("Squeeze", &[x, axes], []);
    l.set(call, y)
}

pub fn expand<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let sizes = l.ints(call, "size")?.unwrap_or_default();
    // -1 keeps a length, as 1 does in ONNX.
    let ones = shape::filled(l, sizes.len(), 1);
    let minus = l.constant(Tensor::scalar(-1i64));
    let sizes = l.int_constant(sizes);
    let kept = l.node("Mul", &[ones, minus], []);
    let is_kept = l.node("Equal", &[sizes, kept], []);
    let whole = l.node("Where", &[is_kept, ones, sizes], []);
    let y = l.node("Expand", &[x, whole], []);
    l.set(call, y)
}

pub fn expand_as<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, other) = (l.input(call, "self")?, l.input(call, "other")?);
    let whole = shape::of(l, other);
    let y = l.node("Expand", &[x, whole], []);
    l.set(call, y)
}

pub fn repeat<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let name = if call.argument("repeats").is_some() { "repeats" } else { "dims" };
    let mut repeats = l.ints(call, name)?.unwrap_or_default();
    let missing = l.shape(call, "self")?.len().saturating_sub(repeats.len());
    repeats.splice(0..0, std::iter::repeat_n(1, missing));
    let ones = shape::filled(l, repeats.len(), 1);
    let wide = l.node("Expand", &[x, ones], []);
    let repeats = l.int_constant(repeats);
    let y = l.node("Tile", &[wide, repeats], []);
    l.set(call, y)
}
