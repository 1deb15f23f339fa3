//! Index tensors whose last axis holds coordinates: GatherND and ScatterND.

use crate::graph::Tensor;
use crate::{Result, bail};

use super::axes::normalize;

/// Computes, for every tuple of `indices`, the first block of `shape` that it selects, counted in blocks of the axes
/// that a tuple leaves out. Both share the first `batches` axes.
pub fn blocks(shape: &[usize], indices: &Tensor, batches: usize) -> Result<Vec<usize>> {
    let sides = indices.shape();
    let width = sides.last().copied().unwrap_or(0);
    let fits = sides.len() > batches && batches + width <= shape.len() && sides[..batches] == shape[..batches];
    let (true, Some(values)) = (fits, indices.to_i64s()) else {
        bail!("{} indices of shape {sides:?} do not fit shape {shape:?}", indices.data_type().name())
    };
    let axes = &shape[batches..batches + width];
    let tuples: usize = sides[..sides.len() - 1].iter().product();
    // Tuples per batch; without batches there are no tuples.
    let each = sides[batches..sides.len() - 1].iter().product::<usize>().max(1);
    let mut found = Vec::with_capacity(tuples);
    for n in 0..tuples {
        let mut block = n / each;
        for (&value, &size) in values[n * width..(n + 1) * width].iter().zip(axes) {
            let Ok(index) = normalize(value, size) else { bail!("index {value} is outside an axis of {size}") };
            block = block * size + index;
        }
        found.push(block);
    }
    Ok(found)
}

/// Returns the shape of a block that a tuple of `indices` selects.
pub fn block_shape<'a>(shape: &'a [usize], indices: &[usize], batches: usize) -> Result<&'a [usize]> {
    match indices.last().and_then(|width| shape.get(batches.checked_add(*width)?..)) {
        Some(block) if indices.len() > batches => Ok(block),
        _ => bail!("indices of shape {indices:?} do not fit shape {shape:?}"),
    }
}
