//! ScatterND: blocks of one value written into another (`dl_module_scatter_nd.hpp`).
//!
//! A reduction works on the integers: `add` saturates, and `mul` does not scale its product.
//!
//! Never: indices from the end, which the chip adds to an address as they are.

use crate::{Error, Result, bail};

use super::moves::{moved, strides};
use super::step::Step;
use super::value::{Data, Value, Whole};

pub fn scatter(step: &Step) -> Result<Vec<Value>> {
    let (input, indices, updates) = (step.input(0)?, step.input(1)?, step.input(2)?);
    let starts = starts(&input.dims, indices)?;
    let depth = indices.dims.last().copied().unwrap_or(0);
    // In bounds: `starts` has held the depth to the rank.
    let size: usize = input.dims[depth..].iter().product();
    if updates.data.len() != starts.len() * size {
        bail!("{} updates for {} blocks of {size}", updates.data.len(), starts.len());
    }
    if updates.exponent() != input.exponent() && !matches!(input.data, Data::F32(_)) {
        bail!("exponents {} and {}, but the chip copies integers", input.exponent(), updates.exponent());
    }
    let reduction = step.node.text("reduction").unwrap_or("none");
    let data = match (&input.data, &updates.data) {
        (Data::I8(x), Data::I8(y)) => Data::I8(scattered(x, y, &starts, size, whole(reduction)?)),
        (Data::I16(x), Data::I16(y)) => Data::I16(scattered(x, y, &starts, size, whole(reduction)?)),
        (Data::F32(x), Data::F32(y)) => Data::F32(scattered(x, y, &starts, size, float(reduction)?)),
        (x, y) => bail!("updates of {} on {}", y.data_type().name(), x.data_type().name()),
    };
    moved(step, input, input.dims.clone(), data)
}

/// The first element of each block.
fn starts(dims: &[usize], indices: &Value) -> Result<Vec<usize>> {
    let depth = indices.dims.last().copied().unwrap_or(0);
    if depth == 0 || depth > dims.len() {
        bail!("indices of shape {:?} do not fit {} dimensions", indices.dims, dims.len());
    }
    let strides = strides(dims);
    let place = |(&index, axis): (&i64, usize)| match usize::try_from(index).ok().filter(|&i| i < dims[axis]) {
        // In bounds: at most the rank's axes.
        Some(i) => Ok(i * strides[axis]),
        None => Err(Error::new(format!("index {index} is outside the {} places of axis {axis}", dims[axis]))
            .with_help("the chip does not count from the end: write the index from the start")),
    };
    indices.integers()?.chunks_exact(depth).map(|tuple| tuple.iter().zip(0..).map(place).sum()).collect()
}

fn scattered<T: Copy>(data: &[T], updates: &[T], starts: &[usize], size: usize, update: fn(T, T) -> T) -> Vec<T> {
    let mut made = data.to_vec();
    for (&start, block) in starts.iter().zip(updates.chunks_exact(size.max(1))) {
        // In bounds: a block starts at indices inside the data.
        made[start..start + size].iter_mut().zip(block).for_each(|(x, &y)| *x = update(*x, y));
    }
    made
}

fn whole<T: Whole>(reduction: &str) -> Result<fn(T, T) -> T> {
    Ok(match reduction {
        "none" => |_, y| y,
        "add" => |x, y| T::clamp_from(x.wide() + y.wide()),
        "mul" => |x, y| T::clamp_from(x.wide() * y.wide()),
        "max" => |x, y| x.max(y),
        "min" => |x, y| x.min(y),
        other => bail!("the chip has no reduction {other}"),
    })
}

fn float(reduction: &str) -> Result<fn(f32, f32) -> f32> {
    Ok(match reduction {
        "none" => |_, y| y,
        "add" => |x, y| x + y,
        "mul" => |x, y| x * y,
        "max" => |x, y| if x < y { y } else { x },
        "min" => |x, y| if y < x { y } else { x },
        other => bail!("the chip has no reduction {other}"),
    })
}
