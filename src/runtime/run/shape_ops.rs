//! Operators that move elements without changing them: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Slice.
//!
//! Never: arithmetic.

use crate::{Error, Result, bail};

use super::kernel::{Inputs, Kernel};
use super::node_context::Step;
use super::value::{Data, Fact, same};
use super::walk::{Axis, Walk, strides};

/// Returns the fact of an output with the elements of `input` in a new shape; integers are copied unscaled.
pub fn moved(step: &Step, input: &Fact, dims: Vec<usize>) -> Result<Fact> {
    let declared = step.output()?;
    if input.is_quantized() && declared.exponent != input.exponent() {
        bail!(
            "input exponent {} becomes {}, but the chip copies integers unscaled",
            input.exponent(),
            declared.exponent
        );
    }
    Ok(Fact::made(input.data_type, dims, declared.exponent))
}

/// Makes a kernel that takes the elements of input 0 in the order of a walk.
pub fn walked(step: &Step, dims: Vec<usize>, axes: &[Axis]) -> Result<Kernel> {
    let (fact, walk) = (moved(step, step.input(0)?, dims)?, Walk::new(axes));
    Ok(Kernel::new(fact, move |inputs| Ok(walk.take(inputs.get(0)?))))
}

/// Makes a kernel that keeps the order of elements of input 0.
fn reshaped(step: &Step, dims: Vec<usize>) -> Result<Kernel> {
    let input = step.input(0)?;
    if dims.iter().product::<usize>() != input.len() {
        bail!("shape {dims:?} does not hold the {} elements of {:?}", input.len(), input.dims);
    }
    Ok(Kernel::shared(moved(step, input, dims)?, |inputs| inputs.get(0).cloned()))
}

pub fn reshape(step: &Step) -> Result<Kernel> {
    let (input, wanted) = (step.input(0)?, step.integers(1)?);
    let mut dims = Vec::with_capacity(wanted.len());
    for (i, &size) in wanted.iter().enumerate() {
        dims.push(match usize::try_from(size) {
            Ok(0) => match input.dims.get(i) {
                Some(&size) => size,
                None => bail!("size 0 at position {i} copies none of the {} dimensions", input.dims.len()),
            },
            Ok(size) => size,
            Err(_) => 0,
        });
    }
    if let Some(open) = wanted.iter().position(|&s| s < 0) {
        let known: usize = dims.iter().enumerate().filter(|&(i, _)| i != open).map(|(_, &s)| s).product();
        // In bounds: a position in a list of the same length.
        dims[open] = input.len().checked_div(known).unwrap_or(0);
    }
    reshaped(step, dims)
}

pub fn flatten(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let rank = input.dims.len();
    let axis = step.int("axis", 1);
    let axis = if axis == rank as i64 { rank } else { step.axis(axis, rank)? };
    let (rows, columns) = input.dims.split_at(axis);
    reshaped(step, vec![rows.iter().product(), columns.iter().product()])
}

fn axes(step: &Step, rank: usize) -> Result<Option<Vec<usize>>> {
    let axes = match step.optional(1) {
        Some(_) => Some(step.integers(1)?),
        None => step.ints("axes"),
    };
    axes.map(|axes| axes.iter().map(|&a| step.axis(a, rank)).collect()).transpose()
}

pub fn squeeze(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let axes = axes(step, input.dims.len())?;
    let dropped = |i: usize, size: usize| axes.as_ref().map_or(size == 1, |axes| axes.contains(&i));
    let dims = input.dims.iter().enumerate().filter(|&(i, &s)| !dropped(i, s)).map(|(_, &s)| s).collect();
    reshaped(step, dims)
}

pub fn unsqueeze(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let count = match step.optional(1) {
        Some(fact) => fact.len(),
        None => step.ints("axes").map_or(0, |a| a.len()),
    };
    let rank = input.dims.len() + count;
    let axes = axes(step, rank)?.unwrap_or_default();
    let mut own = input.dims.iter().copied();
    let dims = (0..rank).filter_map(|i| if axes.contains(&i) { Some(1) } else { own.next() }).collect();
    reshaped(step, dims)
}

pub fn transpose(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let rank = input.dims.len();
    let perm = match step.ints("perm") {
        Some(perm) => perm.iter().map(|&a| step.axis(a, rank)).collect::<Result<Vec<usize>>>()?,
        None => (0..rank).rev().collect(),
    };
    if perm.len() != rank || (0..rank).any(|axis| !perm.contains(&axis)) {
        bail!("perm {perm:?} is not a permutation of {rank} dimensions");
    }
    let strides = strides(&input.dims);
    // In bounds: `perm` is a permutation of the axes.
    let axes: Vec<Axis> = perm.iter().map(|&a| (0, strides[a] as i64, input.dims[a])).collect();
    walked(step, perm.iter().map(|&a| input.dims[a]).collect(), &axes)
}

pub fn slice(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let rank = input.dims.len();
    let list = |i: usize| step.optional(i).map(|_| step.integers(i)).transpose();
    let (starts, ends) = (step.integers(1)?, step.integers(2)?);
    let axes = list(3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        bail!("starts, ends, axes and steps have different lengths");
    }
    let strides = strides(&input.dims);
    let mut walks: Vec<Axis> = strides.iter().zip(&input.dims).map(|(&s, &d)| (0, s as i64, d)).collect();
    for (((&start, &end), &axis), &by) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = step.axis(axis, rank)?;
        // In bounds: `axis` is below the rank.
        let (size, stride) = (input.dims[axis] as i64, strides[axis] as i64);
        let from_end = |v: i64| if v < 0 { v.saturating_add(size) } else { v };
        let (first, count) = match by {
            0 => bail!("a step of 0 along axis {axis}"),
            1.. => {
                let (first, last) = (from_end(start).clamp(0, size), from_end(end).clamp(0, size));
                (first, (last - first).max(0).saturating_add(by - 1) / by)
            }
            _ => {
                let (first, last) = (from_end(start).clamp(-1, size - 1), from_end(end).clamp(-1, size - 1));
                (first, (first - last).max(0).saturating_sub(by + 1) / by.saturating_neg())
            }
        };
        walks[axis] = (first * stride, by.saturating_mul(stride), usize::try_from(count).unwrap_or(0));
    }
    walked(step, walks.iter().map(|w| w.2).collect(), &walks)
}

/// Prepares Gather. The chip adds an index to an address unchecked, so a negative one reads memory before the input.
pub fn gather(step: &Step) -> Result<Kernel> {
    let (input, indices) = (step.input(0)?, step.input(1)?);
    let axis = step.axis(step.int("axis", 0), input.dims.len())?;
    let dims = [&input.dims[..axis], &indices.dims, &input.dims[axis + 1..]].concat();
    // In bounds: `axis` is below the rank.
    let rows = Rows { axis, size: input.dims[axis], inner: input.dims[axis + 1..].iter().product() };
    let fact = moved(step, input, dims)?;
    if let Some(constant) = &indices.constant {
        let places = rows.places(&constant.integers()?)?;
        return Ok(Kernel::new(fact, move |inputs| Ok(rows.take(inputs.get(0)?, &places))));
    }
    Ok(Kernel::new(fact, move |inputs: &Inputs| {
        let places = rows.places(&inputs.get(1)?.integers()?)?;
        Ok(rows.take(inputs.get(0)?, &places))
    }))
}

/// Positions along an axis, each with a block of elements.
struct Rows {
    axis: usize,
    size: usize,
    /// Elements per position.
    inner: usize,
}

impl Rows {
    fn places(&self, indices: &[i64]) -> Result<Vec<usize>> {
        let place = |&i: &i64| match usize::try_from(i).ok().filter(|&i| i < self.size) {
            Some(i) => Ok(i),
            None => Err(Error::new(format!("index {i} is outside the {} elements of axis {}", self.size, self.axis))
                .with_help("use an index from the start: the chip does not support indices from the end")),
        };
        indices.iter().map(place).collect()
    }

    fn take(&self, data: &Data, places: &[usize]) -> Data {
        fn of<T: Copy>(rows: &Rows, values: &[T], places: &[usize]) -> Vec<T> {
            let outer = values.chunks_exact((rows.size * rows.inner).max(1));
            // In bounds: positions are below the size.
            let row = |outer: &[T]| -> Vec<T> {
                places.iter().flat_map(|&p| outer[p * rows.inner..(p + 1) * rows.inner].iter().copied()).collect()
            };
            outer.flat_map(row).collect()
        }
        same!(data, values => of(self, values, places))
    }
}
