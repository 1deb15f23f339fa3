//! CONCATENATION, SPLIT, PACK, UNPACK, TILE and BROADCAST_TO.

use super::axis;
use super::window::ints;
use crate::graph::{Attribute, ValueId};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Placed};
use crate::{Result, bail};

pub fn concatenation(l: &mut Lowering, op: &Operator) -> Result<()> {
    let inputs: Option<Vec<usize>> = op.inputs.iter().copied().collect();
    let Some(inputs) = inputs.filter(|inputs| !inputs.is_empty()) else { bail!("an input is missing") };
    let mut shape = l.shape(inputs[0])?;
    let along = axis(op.int(0, 0)?.into(), shape.len())?;
    shape[along] = 0;
    for &input in &inputs {
        let next = l.shape(input)?;
        if next.len() != shape.len() || (0..shape.len()).any(|at| at != along && next[at] != shape[at]) {
            bail!("an input of shape {next:?} beside {shape:?}")
        }
        shape[along] += next[along];
    }
    let is_first = shape.len() == 4 && inputs.iter().any(|&input| l.is_first(input));
    let layout = if is_first { Layout::First } else { Layout::Plain };
    let values: Vec<Option<ValueId>> =
        inputs.iter().map(|&input| l.laid(input, layout).map(Some)).collect::<Result<_>>()?;
    let attributes = [("axis", Attribute::Int(layout.axis(along) as i64))];
    let activation = Activation::fused(op, 1)?;
    l.emit(op, "Concat", &values, attributes, Placed::new(layout, shape).with(activation))
}

/// SPLIT: into equal parts.
pub fn split(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (along, input) = (op.input(0)?, op.input(1)?);
    let shape = l.shape(input)?;
    let &[along] = l.ints(along, "axis")?.as_slice() else { bail!("not one axis") };
    let along = axis(along, shape.len())?;
    let parts = op.outputs.len();
    if parts == 0 || !shape[along].is_multiple_of(parts) {
        bail!("{} in {parts} equal parts", shape[along])
    }
    divide(l, op, input, along, &vec![shape[along] / parts; parts])
}

/// SPLIT_V: into parts of given sizes, one of which may be -1.
pub fn split_v(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let sizes = l.ints(op.input(1)?, "sizes")?;
    let &[along] = l.ints(op.input(2)?, "axis")?.as_slice() else { bail!("not one axis") };
    let along = axis(along, shape.len())?;
    let known: usize = sizes.iter().filter_map(|&size| usize::try_from(size).ok()).fold(0, usize::saturating_add);
    let rest = shape[along].saturating_sub(known);
    let parts: Vec<usize> = sizes.iter().map(|&size| usize::try_from(size).unwrap_or(rest)).collect();
    if parts.iter().copied().fold(0, usize::saturating_add) != shape[along] || parts.len() != op.outputs.len() {
        bail!("{} in parts of {sizes:?}", shape[along])
    }
    divide(l, op, input, along, &parts)
}

fn divide(l: &mut Lowering, op: &Operator, input: usize, along: usize, parts: &[usize]) -> Result<()> {
    let (shape, layout) = (l.shape(input)?, l.layout(input));
    let x = l.laid(input, layout)?;
    if let [_] = parts {
        return l.set(op.output()?, x, layout, shape);
    }
    let base = l.base(op);
    let sizes = l.int_constant(&format!("{base}/split"), ints(parts));
    let mut values = Vec::new();
    for (&output, &part) in op.outputs.iter().zip(parts) {
        let name = l.file.tensors[output].name.clone();
        let value = l.value(if name.is_empty() { &base } else { &name });
        let mut of_part = shape.clone();
        of_part[along] = part;
        l.set(output, value, layout, of_part)?;
        values.push(value);
    }
    let attributes = [("axis", Attribute::Int(layout.axis(along) as i64))];
    l.node_to(&base, "Split", &[Some(x), Some(sizes)], attributes, &values);
    Ok(())
}

/// PACK: several values along a new axis.
pub fn pack(l: &mut Lowering, op: &Operator) -> Result<()> {
    let inputs: Option<Vec<usize>> = op.inputs.iter().copied().collect();
    let Some(inputs) = inputs.filter(|inputs| !inputs.is_empty()) else { bail!("an input is missing") };
    let mut shape = l.shape(inputs[0])?;
    let along = axis(op.int(1, 0)?.into(), shape.len() + 1)?;
    shape.insert(along, 1);
    let base = l.base(op);
    let target = l.int_constant(&format!("{base}/shape"), ints(&shape));
    let mut values = Vec::new();
    for &input in &inputs {
        let next = l.shape(input)?;
        if next.iter().product::<usize>() != shape.iter().product::<usize>() {
            bail!("an input of shape {next:?} beside {shape:?}")
        }
        let (flat, actual) = l.flat(input)?;
        values.push(Some(match actual == shape {
            true => flat,
            false => {
                let name = format!("{base}/Reshape");
                l.node(&name, "Reshape", &[Some(flat), Some(target)], [])
            }
        }));
    }
    shape[along] = inputs.len();
    let attributes = [("axis", Attribute::Int(along as i64))];
    l.emit(op, "Concat", &values, attributes, Placed::new(Layout::Plain, shape))
}

/// UNPACK: the places of an axis as values of their own.
pub fn unpack(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let mut shape = l.shape(input)?;
    let along = axis(op.int(1, 0)?.into(), shape.len())?;
    if shape[along] != op.outputs.len() || op.outputs.is_empty() {
        bail!("{} parts of an axis of {}", op.outputs.len(), shape[along])
    }
    let base = l.base(op);
    let x = l.plain(input)?;
    let parts = match op.outputs.len() {
        1 => vec![x],
        count => {
            let sizes = l.int_constant(&format!("{base}/split"), vec![1; count]);
            let parts: Vec<ValueId> = (0..count).map(|at| l.value(&format!("{base}/Split_{at}"))).collect();
            let attributes = [("axis", Attribute::Int(along as i64))];
            l.node_to(&format!("{base}/Split"), "Split", &[Some(x), Some(sizes)], attributes, &parts);
            parts
        }
    };
    shape.remove(along);
    let axes = l.int_constant(&format!("{base}/axes"), vec![along as i64]);
    for (&output, part) in op.outputs.iter().zip(parts) {
        let name = l.file.tensors[output].name.clone();
        let name = if name.is_empty() { base.clone() } else { name };
        let placed = Placed::new(Layout::Plain, shape.clone());
        l.emit_as(output, &name, "Squeeze", &[Some(part), Some(axes)], [], placed)?;
    }
    Ok(())
}

pub fn tile(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let times = l.ints(op.input(1)?, "multiples")?;
    let lengths: Option<Vec<usize>> = times
        .iter()
        .zip(&shape)
        .map(|(&times, &length)| usize::try_from(times).ok().and_then(|times| times.checked_mul(length)))
        .collect();
    let Some(lengths) = lengths.filter(|lengths| lengths.len() == shape.len() && times.len() == shape.len()) else {
        bail!("multiples {times:?} of shape {shape:?}")
    };
    let layout = l.layout(input);
    let x = l.laid(input, layout)?;
    let times = l.int_constant(&format!("{}/repeats", l.base(op)), layout.order(&times));
    l.emit(op, "Tile", &[Some(x), Some(times)], [], Placed::new(layout, lengths))
}

pub fn broadcast_to(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let given = l.constant(op.input(1)?)?.and_then(|shape| shape.to_i64s());
    let recorded = &l.file.tensors[op.output()?].shape;
    let wanted: Option<Vec<usize>> = match given {
        Some(given) => given.iter().map(|&length| usize::try_from(length).ok()).collect(),
        None => Some(recorded.clone()),
    };
    let Some(wanted) = wanted else { bail!("a shape with a negative length") };
    let shape = super::binary::broadcast(&l.shape(input)?, &wanted)?;
    let x = l.plain(input)?;
    let target = l.int_constant(&format!("{}/shape", l.base(op)), ints(&shape));
    l.emit(op, "Expand", &[Some(x), Some(target)], [], Placed::new(Layout::Plain, shape))
}
