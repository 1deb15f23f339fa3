//! Pad, InsertZeros and Split: what lays the elements of one value out anew.
//!
//! Never: arithmetic.

use crate::{Result, bail};

use super::moves::{moved, strides, walk};
use super::step::Step;
use super::value::{Data, Value};

/// Source of every place along an axis; `None`: filled.
type Axis = Vec<Option<usize>>;

pub fn pad(step: &Step) -> Result<Vec<Value>> {
    let (input, pads) = (step.input(0)?, step.input(1)?.integers()?);
    let rank = input.dims.len();
    let sizes: Option<Vec<usize>> = pads.iter().map(|&p| usize::try_from(p).ok().filter(|&p| p <= 1 << 20)).collect();
    let Some(pads) = sizes.filter(|p| p.len() == 2 * rank) else {
        bail!("its pads {pads:?} are none of {rank} dimensions, which the chip pads and never crops");
    };
    let mode = step.node.text("mode").unwrap_or("without a name");
    let mut axes: Vec<Axis> = Vec::with_capacity(rank);
    for (axis, &size) in input.dims.iter().enumerate() {
        // In bounds: two pads an axis.
        let (before, after) = (pads[axis], pads[rank + axis]);
        if size == 0 || (mode == "reflect" && before.max(after) >= size) {
            bail!("axis {axis} has {size} places, too few for pads of {before} and {after}");
        }
        let source = |o: usize| match (o.checked_sub(before), mode) {
            (Some(i), _) if i < size => Some(i),
            (None, "edge") => Some(0),
            (Some(_), "edge") => Some(size - 1),
            (None, "reflect") => Some(before - o),
            (Some(i), "reflect") => Some(2 * (size - 1) - i),
            _ => None,
        };
        axes.push((0..before + size + after).map(source).collect());
    }
    if !["constant", "edge", "reflect"].contains(&mode) {
        bail!("the chip has no mode {mode}");
    }
    let filler = step.optional(2).filter(|v| v.data.len() > 0).map(|v| &v.data);
    laid(step, input, &axes, filler)
}

pub fn insert_zeros(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let space = input.dims.len().saturating_sub(2);
    let list = |name: &str, least: i64, default: i64| -> Result<Vec<usize>> {
        let values = step.ints(name).unwrap_or_else(|| vec![default]);
        let values = if values.len() == 1 { vec![values[0]; space] } else { values };
        let sizes = values.iter().map(|&v| usize::try_from(v).ok().filter(|&s| v >= least && s <= 1 << 20));
        match sizes.collect::<Option<Vec<usize>>>().filter(|s| s.len() == space) {
            Some(sizes) => Ok(sizes),
            None => bail!("{name} is {values:?}, {space} sizes are read"),
        }
    };
    let (stride, extra) = (list("stride", 1, 1)?, list("output_padding", 0, 0)?);
    if !(1..=2).contains(&space) {
        bail!("its input has shape {:?}, the chip reads one or two axes between batch and channels", input.dims);
    }
    let axis = |(i, &size): (usize, &usize)| -> Axis {
        match i.checked_sub(1).and_then(|i| Some((*stride.get(i)?, *extra.get(i)?))) {
            Some((by, extra)) => {
                let places = size + (by - 1) * size.saturating_sub(1) + extra;
                (0..places).map(|o| (o % by == 0 && o / by < size).then_some(o / by)).collect()
            }
            None => (0..size).map(Some).collect(),
        }
    };
    let axes: Vec<Axis> = input.dims.iter().enumerate().map(axis).collect();
    laid(step, input, &axes, None)
}

/// Places without a source hold `filler`'s first element, or zero.
fn laid(step: &Step, input: &Value, axes: &[Axis], filler: Option<&Data>) -> Result<Vec<Value>> {
    let dims: Vec<usize> = axes.iter().map(Vec::len).collect();
    // The filler stands behind the input's elements.
    let mut data = input.data.clone();
    let hole = data.len();
    match (&mut data, filler) {
        (Data::I8(v), Some(Data::I8(f))) => v.extend(f.first()),
        (Data::I16(v), Some(Data::I16(f))) => v.extend(f.first()),
        (Data::F32(v), Some(Data::F32(f))) => v.extend(f.first()),
        (Data::I8(v), None) => v.push(0),
        (Data::I16(v), None) => v.push(0),
        (Data::F32(v), None) => v.push(0.0),
        (data, filler) => bail!("it fills {} with {:?}", data.data_type().name(), filler.map(|f| f.data_type().name())),
    }
    let strides = strides(&input.dims);
    let mut all = vec![Some(0usize)];
    for (axis, stride) in axes.iter().zip(&strides) {
        let along = |base: &Option<usize>| {
            let base = *base;
            axis.iter().map(move |source| Some(base? + (*source)? * stride))
        };
        all = all.iter().flat_map(along).collect();
    }
    moved(step, input, dims, data.gather(all.into_iter().map(|at| at.unwrap_or(hole))))
}

pub fn split(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let axis = step.axis(step.int("axis", 0), input.dims.len())?;
    let Some(parts) = step.optional(1) else {
        bail!("it has no sizes; the chip takes num_outputs for the size of a part");
    };
    let parts = parts.integers()?;
    let sizes: Option<Vec<usize>> = parts.iter().map(|&p| usize::try_from(p).ok()).collect();
    // In bounds: `axis` is below the rank.
    let Some(sizes) = sizes.filter(|s| s.iter().sum::<usize>() == input.dims[axis]) else {
        bail!("parts of {parts:?} do not make the {} places of axis {axis}", input.dims[axis]);
    };
    let strides = strides(&input.dims);
    let mut first = 0;
    let mut made = Vec::with_capacity(sizes.len());
    for (index, size) in sizes.into_iter().enumerate() {
        let mut dims = input.dims.clone();
        dims[axis] = size;
        let mut walks: Vec<(i64, i64, usize)> = strides.iter().zip(&dims).map(|(&s, &d)| (0, s as i64, d)).collect();
        walks[axis].0 = (first * strides[axis]) as i64;
        first += size;
        let exponent = step.outputs.get(index).map_or(input.exponent(), |o| o.exponent);
        if exponent != input.exponent() && !matches!(input.data, Data::F32(_)) {
            bail!(
                "input exponent {} becomes {exponent} in part {index}, but the chip copies integers",
                input.exponent()
            );
        }
        let data = input.data.gather(walk(&walks).into_iter());
        made.push(Value { dims, exponents: vec![exponent], data });
    }
    Ok(made)
}
