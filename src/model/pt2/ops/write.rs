//! Values that are written into a part of a tensor: the tensor is made again around them.
//!
//! PyTorch's exporter writes ScatterND with the places of all elements, which ESP-DL lacks; Slice and Concat give the same.
//! Of a whole tensor nothing is left but what is written.

use super::binary::as_kind;
use super::unary::to;
use crate::graph::{Attribute, ValueId};
use crate::model::pt2::lowering::{Call, Lowering, Operand, front};
use crate::{Result, bail};

/// Returns the source in the type and the shape of what it is written into.
fn source<'a>(l: &mut Lowering<'a>, call: Call<'a>, shape: &[usize]) -> Result<ValueId> {
    let x = l.input(call, "src")?;
    let (from, into) = (l.kind(call, "src")?, l.kind(call, "self")?);
    let x = to(l, x, from, into);
    if l.shape(call, "src")? == shape {
        return Ok(x);
    }
    let whole = l.int_constant(shape.iter().map(|&length| length as i64).collect());
    Ok(l.node("Expand", &[x, whole], []))
}

/// The tensor, or the part of one, is the source from here on.
pub fn copy<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let shape = l.shape(call, "self")?;
    let y = source(l, call, &shape)?;
    l.set(call, y)
}

/// A number everywhere.
pub fn fill<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (shape, kind) = (l.shape(call, "self")?, l.kind(call, "self")?);
    let value = match call.argument("value") {
        Some(_) => l.operand(call, "value")?,
        None => Operand::Int(0),
    };
    let value = as_kind(l, value, kind);
    let whole = l.int_constant(shape.iter().map(|&length| length as i64).collect());
    let y = l.node("Expand", &[value, whole], []);
    l.set(call, y)
}

/// The tensor with a part of it replaced.
pub fn scatter<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, shape) = (l.input(call, "self")?, l.shape(call, "self")?);
    let part = match call.operator() {
        "select_scatter.default" => Part::of_index(l, call, &shape)?,
        _ => Part::of_slice(l, call, &shape)?,
    };
    let y = source(l, call, &part.shape(&shape))?;
    let y = part.put(l, x, y, &shape);
    l.set(call, y)
}

/// Returns the tensor from which a node took a part, with the part replaced; `None` for nodes that take no such part.
pub fn around<'a>(l: &mut Lowering<'a>, call: Call<'a>, part: ValueId) -> Result<Option<ValueId>> {
    let part_of = match call.operator() {
        "select.int" => Part::of_index,
        "slice.Tensor" => Part::of_slice,
        _ => return Ok(None),
    };
    let (x, shape) = (l.input(call, "self")?, l.shape(call, "self")?);
    Ok(Some(part_of(l, call, &shape)?.put(l, x, part, &shape)))
}

/// Part of a tensor: from one index of an axis to another.
struct Part {
    axis: usize,
    start: i64,
    end: i64,
    /// Set if the axis is gone in the part.
    is_index: bool,
}

impl Part {
    fn of_index(l: &Lowering, call: Call, shape: &[usize]) -> Result<Part> {
        let axis = l.axis(call, "dim", 0, shape.len())?;
        let start = front(l.int(call, "index", 0)?, shape[axis])? as i64;
        Ok(Part { axis, start, end: start + 1, is_index: true })
    }

    fn of_slice(l: &Lowering, call: Call, shape: &[usize]) -> Result<Part> {
        let axis = l.axis(call, "dim", 0, shape.len())?;
        let (length, step) = (shape[axis] as i64, l.int(call, "step", 1)?);
        if step != 1 {
            bail!("writes each element at a step of {step}, which is not supported")
        }
        let from_front = |at: i64| if at < 0 { at.saturating_add(length) } else { at }.clamp(0, length);
        let start = from_front(l.int(call, "start", 0)?);
        Ok(Part { axis, start, end: from_front(l.int(call, "end", i64::MAX)?).max(start), is_index: false })
    }

    fn shape(&self, whole: &[usize]) -> Vec<usize> {
        let mut shape = whole.to_vec();
        match self.is_index {
            true => drop(shape.remove(self.axis)),
            false => shape[self.axis] = (self.end - self.start) as usize,
        }
        shape
    }

    /// Joins what is before and behind with what is written.
    fn put(&self, l: &mut Lowering, x: ValueId, y: ValueId, shape: &[usize]) -> ValueId {
        let (axis, length) = (self.axis as i64, shape[self.axis] as i64);
        let y = match self.is_index {
            true => {
                let axes = l.int_constant(vec![axis]);
                l.node("Unsqueeze", &[y, axes], [])
            }
            false => y,
        };
        let mut parts = Vec::new();
        if self.start > 0 {
            parts.push(super::slice::part(l, x, axis, 0, self.start));
        }
        parts.push(y);
        if self.end < length {
            parts.push(super::slice::part(l, x, axis, self.end, length));
        }
        match parts.as_slice() {
            [one] => *one,
            parts => l.node("Concat", parts, [("axis", Attribute::Int(axis))]),
        }
    }
}
