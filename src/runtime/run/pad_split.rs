//! Pad, InsertZeros and Split: operators that rearrange the elements of one value.
//!
//! Never: arithmetic.

use std::sync::Arc;

use crate::espdl::DataType;
use crate::{Result, bail};

use super::kernel::{Inputs, Kernel};
use super::node_context::Step;
use super::shape_ops::moved;
use super::value::{Data, Fact};
use super::walk::{self, Walk, strides};

/// Source of every position along an axis; `None` for the fill value.
type Axis = Vec<Option<usize>>;

pub fn pad(step: &Step) -> Result<Kernel> {
    let (input, pads) = (step.input(0)?, step.integers(1)?);
    let rank = input.dims.len();
    let sizes: Option<Vec<usize>> = pads.iter().map(|&p| usize::try_from(p).ok().filter(|&p| p <= 1 << 20)).collect();
    let Some(pads) = sizes.filter(|p| p.len() == 2 * rank) else {
        bail!("its pads {pads:?} do not fit {rank} dimensions, or crop, which the chip does not support");
    };
    let mode = step.node.text("mode").unwrap_or("without a name");
    let mut axes: Vec<Axis> = Vec::with_capacity(rank);
    for (axis, &size) in input.dims.iter().enumerate() {
        // In bounds: two pads per axis.
        let (before, after) = (pads[axis], pads[rank + axis]);
        if size == 0 || (mode == "reflect" && before.max(after) >= size) {
            bail!("axis {axis} has size {size}, too small for pads of {before} and {after}");
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
        bail!("the chip does not support mode {mode}");
    }
    let filler = step.optional(2).filter(|fact| fact.len() > 0);
    laid(step, input, axes, filler)
}

pub fn insert_zeros(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let space = input.dims.len().saturating_sub(2);
    let list = |name: &str, least: i64, default: i64| -> Result<Vec<usize>> {
        let values = step.ints(name).unwrap_or_else(|| vec![default]);
        let values = if values.len() == 1 { vec![values[0]; space] } else { values };
        let sizes = values.iter().map(|&v| usize::try_from(v).ok().filter(|&s| v >= least && s <= 1 << 20));
        match sizes.collect::<Option<Vec<usize>>>().filter(|s| s.len() == space) {
            Some(sizes) => Ok(sizes),
            None => bail!("{name} is {values:?}, but the chip reads {space} sizes"),
        }
    };
    let (stride, extra) = (list("stride", 1, 1)?, list("output_padding", 0, 0)?);
    if !(1..=2).contains(&space) {
        bail!("its input has shape {:?}, but the chip supports one or two axes between batch and channels", input.dims);
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
    laid(step, input, input.dims.iter().enumerate().map(axis).collect(), None)
}

/// Makes a kernel that fills positions without a source with `filler`'s first element, or zero.
fn laid(step: &Step, input: &Fact, axes: Vec<Axis>, filler: Option<&Fact>) -> Result<Kernel> {
    let is_known = matches!(input.data_type, DataType::Int8 | DataType::Int16 | DataType::Float);
    if !is_known || filler.is_some_and(|filler| filler.data_type != input.data_type) {
        bail!("its input is {}, but its fill value {:?}", input.data_type.name(), filler.map(|f| f.data_type.name()));
    }
    let fact = moved(step, input, axes.iter().map(Vec::len).collect())?;
    let grid = Grid { strides: strides(&input.dims), axes };
    let has_filler = filler.is_some();
    Ok(Kernel::new(fact, move |inputs: &Inputs| {
        let filler = if has_filler { Some(inputs.get(2)?.as_ref()) } else { None };
        Ok(match (inputs.get(0)?.as_ref(), filler) {
            (Data::I8(v), Some(Data::I8(f))) => Data::I8(grid.lay(v, f.first().copied().unwrap_or_default())),
            (Data::I16(v), Some(Data::I16(f))) => Data::I16(grid.lay(v, f.first().copied().unwrap_or_default())),
            (Data::F32(v), Some(Data::F32(f))) => Data::F32(grid.lay(v, f.first().copied().unwrap_or_default())),
            (Data::I8(v), _) => Data::I8(grid.lay(v, 0)),
            (Data::I16(v), _) => Data::I16(grid.lay(v, 0)),
            (Data::F32(v), _) => Data::F32(grid.lay(v, 0.0)),
            (other, _) => bail!("it cannot fill {}", other.data_type().name()),
        })
    }))
}

struct Grid {
    strides: Vec<usize>,
    axes: Vec<Axis>,
}

impl Grid {
    fn lay<T: Copy>(&self, values: &[T], filler: T) -> Vec<T> {
        let mut made = Vec::with_capacity(self.axes.iter().map(Vec::len).product());
        along(&self.axes, &self.strides, 0, values, filler, &mut made);
        made
    }
}

/// Visits all positions of `axes`, whose sources begin at `base`.
fn along<T: Copy>(axes: &[Axis], strides: &[usize], base: usize, values: &[T], filler: T, made: &mut Vec<T>) {
    let (Some((sources, axes)), Some((stride, strides))) = (axes.split_first(), strides.split_first()) else {
        // In bounds: sources are inside their dimensions.
        return made.push(values[base]);
    };
    if axes.is_empty() {
        return made.extend(sources.iter().map(|source| source.map_or(filler, |i| values[base + i * stride])));
    }
    for source in sources {
        match source {
            Some(i) => along(axes, strides, base + i * stride, values, filler, made),
            None => made.extend(std::iter::repeat_n(filler, axes.iter().map(Vec::len).product())),
        }
    }
}

pub fn split(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let axis = step.axis(step.int("axis", 0), input.dims.len())?;
    if step.optional(1).is_none() {
        bail!("it has no sizes, and the chip reads num_outputs as the size of a part");
    }
    let parts = step.integers(1)?;
    let sizes: Option<Vec<usize>> = parts.iter().map(|&p| usize::try_from(p).ok()).collect();
    // In bounds: `axis` is below the rank.
    let Some(sizes) = sizes.filter(|s| s.iter().sum::<usize>() == input.dims[axis]) else {
        bail!("parts of {parts:?} do not add up to the size {} of axis {axis}", input.dims[axis]);
    };
    let strides = strides(&input.dims);
    let mut first = 0;
    let (mut facts, mut walks) = (Vec::with_capacity(sizes.len()), Vec::with_capacity(sizes.len()));
    for (index, size) in sizes.into_iter().enumerate() {
        let mut dims = input.dims.clone();
        dims[axis] = size;
        let mut axes: Vec<walk::Axis> = strides.iter().zip(&dims).map(|(&s, &d)| (0, s as i64, d)).collect();
        axes[axis].0 = (first * strides[axis]) as i64;
        first += size;
        let exponent = step.outputs.get(index).map_or(input.exponent(), |o| o.exponent);
        if exponent != input.exponent() && input.data_type != DataType::Float {
            bail!(
                "input exponent {} becomes {exponent} in part {index}, but the chip copies integers unscaled",
                input.exponent()
            );
        }
        walks.push(Walk::new(&axes));
        facts.push(Fact::made(input.data_type, dims, exponent));
    }
    Ok(Kernel::several(facts, move |inputs: &Inputs| {
        let data = inputs.get(0)?;
        Ok(walks.iter().map(|walk| Arc::new(walk.take(data))).collect())
    }))
}
