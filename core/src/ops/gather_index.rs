//! Index tensors that replace one coordinate: GatherElements and ScatterElements.

use crate::graph::Tensor;
use crate::{Result, bail};

use super::axes::normalize;
use super::layout::strides;

/// Computes, for every element of `indices`, the position in a tensor of `shape` with that element as its coordinate on
/// `axis` and its own coordinates on the others.
pub fn places(shape: &[usize], indices: &Tensor, axis: usize) -> Result<Vec<usize>> {
    let sides = indices.shape();
    let fits = sides.len() == shape.len() && (0..shape.len()).all(|a| a == axis || sides[a] <= shape[a]);
    let (true, Some(values)) = (fits, indices.to_i64s()) else {
        bail!("{} indices of shape {sides:?} do not fit shape {shape:?}", indices.data_type().name())
    };
    let steps = strides(shape);
    let mut at = vec![0; sides.len()];
    let mut places = Vec::with_capacity(values.len());
    for value in values {
        let Ok(index) = normalize(value, shape[axis]) else {
            bail!("index {value} is outside an axis of {}", shape[axis])
        };
        let coordinate = |a: usize| if a == axis { index } else { at[a] };
        places.push((0..sides.len()).map(|a| coordinate(a) * steps[a] as usize).sum());
        for a in (0..sides.len()).rev() {
            at[a] += 1;
            if at[a] < sides[a] {
                break;
            }
            at[a] = 0;
        }
    }
    Ok(places)
}
