//! ScatterND: blocks of one value written into another (`dl_module_scatter_nd.hpp`).
//!
//! Reductions operate on the integers: `add` saturates, and `mul` does not rescale its product.
//!
//! Never: indices from the end, which the chip adds to an address unchecked.

use crate::espdl::DataType;
use crate::{Error, Result, bail};

use super::kernel::Kernel;
use super::node_context::Step;
use super::shape_ops::moved;
use super::value::{Data, QuantizedInteger};
use super::walk::strides;

pub fn scatter(step: &Step) -> Result<Kernel> {
    let (input, indices, updates) = (step.input(0)?, step.input(1)?, step.input(2)?);
    let depth = indices.dims.last().copied().unwrap_or(0);
    if depth == 0 || depth > input.dims.len() {
        bail!("indices of shape {:?} do not fit {} dimensions", indices.dims, input.dims.len());
    }
    // In bounds: the depth is at most the rank.
    let (size, blocks) = (input.dims[depth..].iter().product::<usize>(), indices.len() / depth);
    if updates.len() != blocks * size {
        bail!("{} updates for {blocks} blocks of {size}", updates.len());
    }
    if updates.exponent() != input.exponent() && input.data_type != DataType::Float {
        bail!("exponents {} and {}, but the chip copies integers unscaled", input.exponent(), updates.exponent());
    }
    let is_known = matches!(input.data_type, DataType::Int8 | DataType::Int16 | DataType::Float);
    if !is_known || updates.data_type != input.data_type {
        bail!("updates of {} on {}", updates.data_type.name(), input.data_type.name());
    }
    let reduction = step.node.text("reduction").unwrap_or("none").to_string();
    let (as_int8, as_int16) = (quantized::<i8>(&reduction)?, quantized::<i16>(&reduction)?);
    let (as_float, dims) = (float(&reduction)?, input.dims.clone());
    Ok(Kernel::new(moved(step, input, dims.clone())?, move |inputs| {
        let starts = starts(&dims, depth, &inputs.get(1)?.integers()?)?;
        Ok(match (inputs.get(0)?.as_ref(), inputs.get(2)?.as_ref()) {
            (Data::I8(x), Data::I8(y)) => Data::I8(scattered(x, y, &starts, size, as_int8)),
            (Data::I16(x), Data::I16(y)) => Data::I16(scattered(x, y, &starts, size, as_int16)),
            (Data::F32(x), Data::F32(y)) => Data::F32(scattered(x, y, &starts, size, as_float)),
            (x, y) => bail!("updates of {} on {}", y.data_type().name(), x.data_type().name()),
        })
    }))
}

/// Returns the first element of each block.
fn starts(dims: &[usize], depth: usize, indices: &[i64]) -> Result<Vec<usize>> {
    let strides = strides(dims);
    let place = |(&index, axis): (&i64, usize)| match usize::try_from(index).ok().filter(|&i| i < dims[axis]) {
        // In bounds: at most the rank's axes.
        Some(i) => Ok(i * strides[axis]),
        None => Err(Error::new(format!("index {index} is outside the {} elements of axis {axis}", dims[axis]))
            .with_help("use an index from the start: the chip does not support indices from the end")),
    };
    indices.chunks_exact(depth).map(|tuple| tuple.iter().zip(0..).map(place).sum()).collect()
}

fn scattered<T: Copy>(data: &[T], updates: &[T], starts: &[usize], size: usize, update: fn(T, T) -> T) -> Vec<T> {
    let mut made = data.to_vec();
    for (&start, block) in starts.iter().zip(updates.chunks_exact(size.max(1))) {
        // In bounds: a block starts at indices inside the data.
        made[start..start + size].iter_mut().zip(block).for_each(|(x, &y)| *x = update(*x, y));
    }
    made
}

fn quantized<T: QuantizedInteger>(reduction: &str) -> Result<fn(T, T) -> T> {
    Ok(match reduction {
        "none" => |_, y| y,
        "add" => |x, y| T::clamp_from(x.wide() + y.wide()),
        "mul" => |x, y| T::clamp_from(x.wide() * y.wide()),
        "max" => |x, y| x.max(y),
        "min" => |x, y| x.min(y),
        other => bail!("the chip does not support reduction {other}"),
    })
}

fn float(reduction: &str) -> Result<fn(f32, f32) -> f32> {
    Ok(match reduction {
        "none" => |_, y| y,
        "add" => |x, y| x + y,
        "mul" => |x, y| x * y,
        "max" => |x, y| if x < y { y } else { x },
        "min" => |x, y| if y < x { y } else { x },
        other => bail!("the chip does not support reduction {other}"),
    })
}
