//! Parts of a tensor.

use crate::graph::{Attribute, DataType, ValueId};
use crate::model::pt2::lowering::{Call, Lowering, front};
use crate::{Result, bail};

/// Returns a part along an axis.
pub fn part(l: &mut Lowering, x: ValueId, axis: i64, start: i64, end: i64) -> ValueId {
    let bounds = [vec![start], vec![end], vec![axis]].map(|ints| l.int_constant(ints));
    l.node("Slice", &[x, bounds[0], bounds[1], bounds[2]], [])
}

/// A slice of a whole axis is nothing.
pub fn slice<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dim) = (l.input(call, "self")?, l.int(call, "dim", 0)?);
    let (start, end) = (l.int(call, "start", 0)?, l.int(call, "end", i64::MAX)?);
    let step = l.int(call, "step", 1)?;
    if start == 0 && end == i64::MAX && step == 1 {
        return l.set(call, x);
    }
    let ints = [start, end, dim, step].map(|int| l.int_constant(vec![int]));
    let y = l.node("Slice", &[x, ints[0], ints[1], ints[2], ints[3]], []);
    l.set(call, y)
}

/// A slice of whole axes by their length: the exporter writes it, and it changes nothing.
pub fn alias<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    l.used(&["Slice"]);
    super::unary::same(l, call)
}

pub fn select<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dim, index) = (l.input(call, "self")?, l.int(call, "dim", 0)?, l.int(call, "index", 0)?);
    let index = l.number(index as f64, DataType::I64);
    let y = l.node("Gather", &[x, index], [("axis", Attribute::Int(dim))]);
    l.set(call, y)
}

pub fn narrow<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dim) = (l.input(call, "self")?, l.int(call, "dim", 0)?);
    let (start, length) = (l.int(call, "start", 0)?, l.int(call, "length", 0)?);
    let y = part(l, x, dim, start, start.saturating_add(length));
    l.set(call, y)
}

pub fn flip<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dims) = (l.input(call, "self")?, l.ints(call, "dims")?.unwrap_or_default());
    let (last, first) = (vec![-1; dims.len()], vec![-i64::MAX; dims.len()]);
    let ints = [last.clone(), first, dims, last].map(|ints| l.int_constant(ints));
    let y = l.node("Slice", &[x, ints[0], ints[1], ints[2], ints[3]], []);
    l.set(call, y)
}

pub fn roll<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (mut y, shape) = (l.input(call, "self")?, l.shape(call, "self")?);
    let (shifts, dims) = (l.ints(call, "shifts")?.unwrap_or_default(), l.ints(call, "dims")?.unwrap_or_default());
    if dims.is_empty() || shifts.len() != dims.len() {
        bail!("rolls by {shifts:?} along {dims:?}")
    }
    for (shift, dim) in shifts.into_iter().zip(dims) {
        let length = shape[front(dim, shape.len())?] as i64;
        if length == 0 || shift.checked_rem(length).is_none_or(|shift| shift == 0) {
            continue;
        }
        // The exporter takes the number as it is; one that goes round more than once would take nothing.
        let shift = shift % length;
        let end = part(l, y, dim, -shift, i64::MAX);
        let start = part(l, y, dim, 0, -shift);
        y = l.node("Concat", &[end, start], [("axis", Attribute::Int(dim))]);
    }
    l.set(call, y)
}
