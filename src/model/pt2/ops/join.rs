//! Joining and splitting.

use super::shape;
use crate::graph::{Attribute, ValueId};
use crate::model::pt2::lowering::{Call, Lowering, outputs};
use crate::{Result, bail};

fn axis(dim: i64) -> [(&'static str, Attribute); 1] {
    [("axis", Attribute::Int(dim))]
}

pub fn cat<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (tensors, dim) = (l.inputs_of(call, "tensors")?, l.int(call, "dim", 0)?);
    let y = match tensors.as_slice() {
        [] => bail!("joins nothing"),
        tensors => l.node("Concat", tensors, axis(dim)),
    };
    l.set(call, y)
}

pub fn stack<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (tensors, dim) = (l.inputs_of(call, "tensors")?, l.int(call, "dim", 0)?);
    let rank = l.output_shape(call)?.len();
    l.axis(call, "dim", 0, rank)?;
    let wide: Vec<ValueId> = tensors
        .iter()
        .map(|&tensor| {
            let axes = l.int_constant(vec![dim]);
            l.node("Unsqueeze", &[tensor, axes], [])
        })
        .collect();
    let y = l.node("Concat", &wide, axis(dim));
    l.set(call, y)
}

/// Returns the lengths of the parts along an axis, as the program records them.
fn parts<'a>(l: &Lowering<'a>, call: Call<'a>, dim: i64) -> Result<Vec<i64>> {
    let part = |name: &str| -> Result<i64> {
        let shape = l.sizes(name)?;
        match crate::graph::axes::from_front(dim, shape.len()) {
            Some(axis) => Ok(shape[axis] as i64),
            None => bail!("axis {dim} of shape {shape:?}"),
        }
    };
    outputs(call.node).map(part).collect()
}

pub fn split<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dim) = (l.input(call, "self")?, l.int(call, "dim", 0)?);
    let parts = parts(l, call, dim)?;
    let count = parts.len();
    let sizes = l.int_constant(parts);
    let made = l.node_of("Split", vec![Some(x), Some(sizes)], axis(dim), count);
    l.set_all(call, &made)
}

/// One Slice for each part.
pub fn chunk<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dim, chunks) = (l.input(call, "self")?, l.int(call, "dim", 0)?, l.int(call, "chunks", 1)?);
    let lengths = shape::of(l, x);
    let [at, less, chunks] = [dim, chunks.saturating_sub(1), chunks].map(|int| l.int_constant(vec![int]));
    let length = l.node("Gather", &[lengths, at], [("axis", Attribute::Int(0))]);
    let sum = l.node("Add", &[length, less], []);
    let part = l.node("Div", &[sum, chunks], []);
    let mut start = l.int_constant(vec![0]);
    let mut made = Vec::new();
    for n in 1..=outputs(call.node).count() as i64 {
        let n = l.int_constant(vec![n]);
        let end = l.node("Mul", &[part, n], []);
        made.push(l.node("Slice", &[x, start, end, at], []));
        start = end;
    }
    l.set_all(call, &made)
}

pub fn unbind<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dim) = (l.input(call, "self")?, l.int(call, "dim", 0)?);
    let count = outputs(call.node).count();
    let sizes = l.int_constant(vec![1; count]);
    let parts = l.node_of("Split", vec![Some(x), Some(sizes)], axis(dim), count);
    let made: Vec<ValueId> = parts
        .into_iter()
        .map(|part| {
            let axes = l.int_constant(vec![dim]);
            l.node("Squeeze", &[part, axes], [])
        })
        .collect();
    l.set_all(call, &made)
}

pub fn meshgrid<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let tensors = l.inputs_of(call, "tensors")?;
    let is_swapped = l.text(call, "indexing", "ij")? == "xy" && tensors.len() > 1;
    let shape: Vec<i64> = l.output_shape(call)?.iter().map(|&length| length as i64).collect();
    if shape.len() != tensors.len() {
        bail!("{} tensors become {} dimensions", tensors.len(), shape.len())
    }
    let mut made = Vec::new();
    for (n, tensor) in tensors.into_iter().enumerate() {
        let at = if is_swapped && n < 2 { 1 - n } else { n };
        let mut line = vec![1; shape.len()];
        line[at] = -1;
        let line = l.int_constant(line);
        let line = l.node("Reshape", &[tensor, line], [("allowzero", Attribute::Int(0))]);
        let whole = l.int_constant(shape.clone());
        made.push(l.node("Expand", &[line, whole], []));
    }
    l.set_all(call, &made)
}
