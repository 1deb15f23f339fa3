//! What moves elements and changes none: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Slice.
//!
//! Never: arithmetic.

use crate::{Error, Result, bail};

use super::step::Step;
use super::value::{Data, Value};

/// The moved data under the output's exponent; integers are copied as they are.
pub fn moved(step: &Step, input: &Value, dims: Vec<usize>, data: Data) -> Result<Vec<Value>> {
    let declared = step.output()?;
    if matches!(data, Data::I8(_) | Data::I16(_)) && declared.exponent != input.exponent() {
        bail!("input exponent {} becomes {}, but the chip copies integers", input.exponent(), declared.exponent);
    }
    if dims.iter().product::<usize>() != data.len() {
        bail!("shape {dims:?} does not hold the {} elements of {:?}", data.len(), input.dims);
    }
    Ok(vec![Value { dims, exponents: vec![declared.exponent], data }])
}

pub fn reshape(step: &Step) -> Result<Vec<Value>> {
    let (input, wanted) = (step.input(0)?, step.input(1)?.integers()?);
    let total = input.data.len();
    let mut dims = Vec::with_capacity(wanted.len());
    for (i, &size) in wanted.iter().enumerate() {
        dims.push(match usize::try_from(size) {
            Ok(0) => match input.dims.get(i) {
                Some(&size) => size,
                None => bail!("size 0 at {i} stands for none of the {} dimensions", input.dims.len()),
            },
            Ok(size) => size,
            Err(_) => 0,
        });
    }
    if let Some(open) = wanted.iter().position(|&s| s < 0) {
        let known: usize = dims.iter().enumerate().filter(|&(i, _)| i != open).map(|(_, &s)| s).product();
        // In bounds: a position of the same length.
        dims[open] = total.checked_div(known).unwrap_or(0);
    }
    moved(step, input, dims, input.data.clone())
}

pub fn flatten(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let rank = input.dims.len();
    let axis = step.int("axis", 1);
    let axis = if axis == rank as i64 { rank } else { step.axis(axis, rank)? };
    let (rows, columns) = input.dims.split_at(axis);
    moved(step, input, vec![rows.iter().product(), columns.iter().product()], input.data.clone())
}

fn axes(step: &Step, rank: usize) -> Result<Option<Vec<usize>>> {
    let axes = match step.optional(1) {
        Some(value) => Some(value.integers()?),
        None => step.ints("axes"),
    };
    axes.map(|axes| axes.iter().map(|&a| step.axis(a, rank)).collect()).transpose()
}

pub fn squeeze(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let axes = axes(step, input.dims.len())?;
    let dropped = |i: usize, size: usize| axes.as_ref().map_or(size == 1, |axes| axes.contains(&i));
    let dims = input.dims.iter().enumerate().filter(|&(i, &s)| !dropped(i, s)).map(|(_, &s)| s).collect();
    moved(step, input, dims, input.data.clone())
}

pub fn unsqueeze(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let count = match step.optional(1) {
        Some(value) => value.data.len(),
        None => step.ints("axes").map_or(0, |a| a.len()),
    };
    let rank = input.dims.len() + count;
    let axes = axes(step, rank)?.unwrap_or_default();
    let mut own = input.dims.iter().copied();
    let dims = (0..rank).filter_map(|i| if axes.contains(&i) { Some(1) } else { own.next() }).collect();
    moved(step, input, dims, input.data.clone())
}

pub fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides: Vec<usize> =
        dims.iter().rev().scan(1, |step, &size| Some(std::mem::replace(step, *step * size))).collect();
    strides.reverse();
    strides
}

/// Indices of a walk: for each axis its first place's offset, the step and the count.
pub fn walk(axes: &[(i64, i64, usize)]) -> Vec<usize> {
    let mut all = vec![0i64];
    for &(first, step, count) in axes {
        all = all.iter().flat_map(|&base| (0..count as i64).map(move |i| base + first + i * step)).collect();
    }
    // Not negative: every axis stays inside its dimension.
    all.into_iter().map(|i| i as usize).collect()
}

pub fn transpose(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let rank = input.dims.len();
    let perm = match step.ints("perm") {
        Some(perm) => perm.iter().map(|&a| step.axis(a, rank)).collect::<Result<Vec<usize>>>()?,
        None => (0..rank).rev().collect(),
    };
    if perm.len() != rank || (0..rank).any(|axis| !perm.contains(&axis)) {
        bail!("perm {perm:?} is none of {rank} dimensions");
    }
    let strides = strides(&input.dims);
    // In bounds: `perm` is a permutation of the axes.
    let axes: Vec<(i64, i64, usize)> = perm.iter().map(|&a| (0, strides[a] as i64, input.dims[a])).collect();
    let dims = perm.iter().map(|&a| input.dims[a]).collect();
    moved(step, input, dims, input.data.gather(walk(&axes).into_iter()))
}

pub fn slice(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let rank = input.dims.len();
    let list = |i: usize| step.optional(i).map(|v| v.integers()).transpose();
    let (starts, ends) = (step.input(1)?.integers()?, step.input(2)?.integers()?);
    let axes = list(3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        bail!("starts, ends, axes and steps have different lengths");
    }
    let strides = strides(&input.dims);
    let mut walks: Vec<(i64, i64, usize)> = strides.iter().zip(&input.dims).map(|(&s, &d)| (0, s as i64, d)).collect();
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
    let dims: Vec<usize> = walks.iter().map(|w| w.2).collect();
    moved(step, input, dims, input.data.gather(walk(&walks).into_iter()))
}

/// The chip adds an index to an address as it is, so a negative one reads what lies before the input.
pub fn gather(step: &Step) -> Result<Vec<Value>> {
    let (input, indices) = (step.input(0)?, step.input(1)?);
    let axis = step.axis(step.int("axis", 0), input.dims.len())?;
    // In bounds: `axis` is below the rank.
    let size = input.dims[axis];
    let inner: usize = input.dims[axis + 1..].iter().product();
    let outer: usize = input.dims[..axis].iter().product();
    let listed = indices.integers()?;
    let places = listed.iter().map(|&i| match usize::try_from(i).ok().filter(|&i| i < size) {
        Some(i) => Ok(i),
        None => Err(Error::new(format!("index {i} is outside the {size} places of axis {axis}"))
            .with_help("the chip does not count from the end: write the index from the start")),
    });
    let places = places.collect::<Result<Vec<usize>>>()?;
    let run = |o: usize, p: usize| (o * size + p) * inner..(o * size + p + 1) * inner;
    let all = (0..outer).flat_map(|o| places.iter().flat_map(move |&p| run(o, p)));
    let data = input.data.gather(all);
    let dims = [&input.dims[..axis], &indices.dims, &input.dims[axis + 1..]].concat();
    moved(step, input, dims, data)
}
