//! SLICE, STRIDED_SLICE and REVERSE_V2: Slice over the axes that change.

use super::axis;
use super::window::ints;
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Lowering, Placed};
use crate::{Result, bail};

/// Part of an axis: the first place, the place behind the last, and the step, which may be negative.
#[derive(Clone, Copy)]
struct Part {
    start: i64,
    end: i64,
    step: i64,
    length: usize,
}

pub fn slice(l: &mut Lowering, op: &Operator) -> Result<()> {
    let shape = l.shape(op.input(0)?)?;
    let (begin, size) = (l.ints(op.input(1)?, "start")?, l.ints(op.input(2)?, "size")?);
    if begin.len() != shape.len() || size.len() != shape.len() {
        bail!("start {begin:?} and size {size:?} of shape {shape:?}")
    }
    let part = |at: usize| {
        let whole = shape[at] as i64;
        let size = if size[at] == -1 { whole.saturating_sub(begin[at]) } else { size[at] };
        let end = begin[at].saturating_add(size);
        match begin[at] >= 0 && size >= 0 && end <= whole {
            true => Ok(Part { start: begin[at], end, step: 1, length: size as usize }),
            false => bail!("start {begin:?} and size {size:?} of shape {shape:?}"),
        }
    };
    let parts: Vec<Part> = (0..shape.len()).map(part).collect::<Result<_>>()?;
    lower(l, op, &parts, &[])
}

pub fn strided_slice(l: &mut Lowering, op: &Operator) -> Result<()> {
    let shape = l.shape(op.input(0)?)?;
    let mut lists = Vec::new();
    for (port, what) in [(1, "start"), (2, "end"), (3, "step")] {
        lists.push(l.ints(op.input(port)?, what)?);
    }
    let [begin, end, step] = lists.as_slice() else { bail!("an input is missing") };
    if begin.len() > shape.len() || [end, step].iter().any(|list| list.len() != begin.len()) {
        bail!("start {begin:?}, end {end:?} and step {step:?} of shape {shape:?}")
    }
    if op.int(2, 0)? != 0 || op.int(3, 0)? != 0 {
        bail!("new axes and ellipses are not supported: convert the model again, or write the slice with all axes")
    }
    let is_offset = op.flag(5)?;
    let has = |mask: i32, at: usize| at < 31 && mask >> at & 1 == 1;
    let [begins, ends, shrinks] = [op.int(0, 0)?, op.int(1, 0)?, op.int(4, 0)?];
    let part = |at: usize| {
        let whole = shape[at] as i64;
        if at >= begin.len() {
            return Ok(Part { start: 0, end: whole, step: 1, length: shape[at] });
        }
        let step = step[at];
        if step == 0 || step == i64::MIN {
            bail!("a step of {step}")
        }
        let from_front = |place: i64| if place < 0 { place.saturating_add(whole) } else { place };
        let limits = if step > 0 { (0, whole) } else { (-1, whole - 1) };
        let start = match has(begins, at) {
            true if step > 0 => 0,
            true => whole - 1,
            false => from_front(begin[at]).clamp(limits.0, limits.1),
        };
        if has(shrinks, at) {
            return match (0..whole).contains(&start) {
                true => Ok(Part { start, end: start + 1, step: 1, length: 1 }),
                false => bail!("place {} of an axis of {whole}", begin[at]),
            };
        }
        let end = match (has(ends, at), is_offset) {
            (true, _) if step > 0 => whole,
            (true, _) => -1,
            (false, true) => start.saturating_add(end[at]).clamp(limits.0, limits.1),
            (false, false) => from_front(end[at]).clamp(limits.0, limits.1),
        };
        let length = (end - start).checked_div(step).unwrap_or(0) + i64::from((end - start) % step != 0);
        let length = if (end - start).signum() == step.signum() { length } else { 0 };
        match usize::try_from(length) {
            Ok(length) if length > 0 => Ok(Part { start, end, step, length }),
            _ => bail!("nothing is left of axis {at} of shape {shape:?}"),
        }
    };
    let parts: Vec<Part> = (0..shape.len()).map(part).collect::<Result<_>>()?;
    let gone: Vec<usize> = (0..begin.len()).filter(|&at| has(shrinks, at)).collect();
    lower(l, op, &parts, &gone)
}

pub fn reverse(l: &mut Lowering, op: &Operator) -> Result<()> {
    let shape = l.shape(op.input(0)?)?;
    let listed = l.ints(op.input(1)?, "axes")?;
    let axes: Vec<usize> = listed.iter().map(|&a| axis(a, shape.len())).collect::<Result<_>>()?;
    let part = |at: usize| match axes.contains(&at) {
        true => Part { start: shape[at] as i64 - 1, end: -1, step: -1, length: shape[at] },
        false => Part { start: 0, end: shape[at] as i64, step: 1, length: shape[at] },
    };
    lower(l, op, &(0..shape.len()).map(part).collect::<Vec<_>>(), &[])
}

/// Adds the Slice, and a Squeeze of the axes that go.
fn lower(l: &mut Lowering, op: &Operator, parts: &[Part], gone: &[usize]) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    // A shape of a free batch: the consumer that needs it finds the constant.
    if let Some(constant) = l.constant(input)?.filter(|constant| constant.rank() == 1)
        && let (Some(ints), [part]) = (constant.to_i64s(), parts)
    {
        let places = (0..part.length as i64).map(|at| part.start + at * part.step);
        let taken: Option<Vec<i64>> =
            places.map(|place| usize::try_from(place).ok().and_then(|place| ints.get(place)).copied()).collect();
        if let Some(taken) = taken {
            return super::index::set_ints(l, op, taken, gone.is_empty());
        }
    }
    let mut sliced: Vec<usize> = parts.iter().map(|part| part.length).collect();
    let changed: Vec<usize> = (0..parts.len()).filter(|&at| parts[at].step != 1 || sliced[at] != shape[at]).collect();
    let kept: Vec<usize> = (0..sliced.len()).filter(|at| !gone.contains(at)).map(|at| sliced[at]).collect();
    if changed.is_empty() {
        return l.reshaped(op, input, kept);
    }
    let layout = if gone.is_empty() { l.layout(input) } else { Layout::Plain };
    let x = l.laid(input, layout)?;
    let base = l.base(op);
    // A negative end counts from the end: this one is before the first place.
    let end = |part: &Part| if part.end < 0 { i64::MIN + 1 } else { part.end };
    let lists = [
        ("starts", changed.iter().map(|&at| parts[at].start).collect()),
        ("ends", changed.iter().map(|&at| end(&parts[at])).collect()),
        ("axes", ints(&changed.iter().map(|&at| layout.axis(at)).collect::<Vec<_>>())),
        ("steps", changed.iter().map(|&at| parts[at].step).collect()),
    ];
    let mut inputs = vec![Some(x)];
    for (name, list) in lists {
        inputs.push(Some(l.int_constant(&format!("{base}/{name}"), list)));
    }
    if gone.is_empty() {
        return l.emit(op, "Slice", &inputs, [], Placed::new(layout, sliced));
    }
    let value = l.node(&format!("{base}/Slice"), "Slice", &inputs, []);
    let axes = l.int_constant(&format!("{base}/Squeeze/axes"), ints(gone));
    sliced.clone_from(&kept);
    l.emit(op, "Squeeze", &[Some(value), Some(axes)], [], Placed::new(Layout::Plain, sliced))
}
