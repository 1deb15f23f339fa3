//! Values of the chip in the terms of the graph: numbers in ONNX's order of axes.

use crate::Result;
use crate::bail;
use crate::espdl::{self, DataType};
use crate::graph::Tensor;

/// A value as the simulation has it: integers of a scale as the floats that they stand for.
pub fn in_onnx_order(stored: &espdl::Tensor, perm: &[usize]) -> Result<Tensor> {
    let step = 2f32.powi(exponent(stored));
    let bytes = stored.bytes.as_slice();
    Ok(match stored.data_type {
        DataType::Int8 => arranged(bytes.iter().map(|&b| f32::from(b as i8) * step), stored, perm)?,
        DataType::Int16 => {
            arranged(bytes.as_chunks().0.iter().map(|&b| f32::from(i16::from_le_bytes(b)) * step), stored, perm)?
        }
        DataType::Float => arranged(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)), stored, perm)?,
        DataType::Int32 => {
            arranged(bytes.as_chunks().0.iter().map(|&b| i64::from(i32::from_le_bytes(b))), stored, perm)?
        }
        DataType::Int64 => arranged(bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)), stored, perm)?,
        DataType::Bool => arranged(bytes.iter().map(|&b| b != 0), stored, perm)?,
        other => bail!("value {} is {}, of which the interpreter makes none", stored.name, other.name()),
    })
}

/// Returns the exponent of an activation, which has one; the interpreter has checked its size.
pub fn exponent(stored: &espdl::Tensor) -> i32 {
    stored.exponents.first().and_then(|&e| i32::try_from(e).ok()).unwrap_or(0)
}

fn arranged<T: crate::graph::Element>(
    elements: impl Iterator<Item = T>,
    stored: &espdl::Tensor,
    perm: &[usize],
) -> Result<Tensor> {
    let is_plain = perm.iter().enumerate().all(|(place, &axis)| place == axis);
    let elements: Vec<T> = elements.collect();
    if is_plain || perm.len() != stored.dims.len() {
        return Tensor::new(&stored.dims, elements);
    }
    // ONNX's axis `perm[i]` is stored as axis `i`.
    let mut shape = vec![0; perm.len()];
    let mut steps = vec![0; perm.len()];
    let mut step = 1;
    for (&axis, &size) in perm.iter().zip(&stored.dims).rev() {
        // In bounds: `perm` is a permutation of the axes.
        (shape[axis], steps[axis]) = (size, step);
        step *= size;
    }
    let (Some(&last), Some(&last_step)) = (shape.last(), steps.last()) else { return Tensor::new(&shape, elements) };
    let mut made: Vec<T> = Vec::with_capacity(elements.len());
    let rows: usize = shape.iter().take(shape.len() - 1).product();
    for row in 0..rows {
        let (mut rest, mut from) = (row, 0);
        for (size, step) in shape.iter().zip(&steps).rev().skip(1) {
            from += rest % size * step;
            rest /= size;
        }
        // In bounds: the places of a permutation of the axes.
        made.extend(elements[from..].iter().step_by(last_step).take(last));
    }
    Tensor::new(&shape, made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_at_the_end_come_to_the_front() {
        let stored = espdl::Tensor {
            data_type: DataType::Int8,
            dims: vec![1, 2, 2, 3],
            exponents: vec![-1],
            bytes: (0..12).collect(),
            ..espdl::Tensor::default()
        };
        let expected: Vec<f32> = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11].iter().map(|&i| i as f32 / 2.0).collect();
        let found = in_onnx_order(&stored, &[0, 2, 3, 1]).unwrap();
        assert_eq!((found.shape(), found.slice::<f32>().unwrap()), (&[1, 3, 2, 2][..], &expected[..]));
    }
}
