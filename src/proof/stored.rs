//! Values of the chip in the terms of the graph: numbers in ONNX's order of axes.

use crate::Result;
use crate::bail;
use crate::espdl::{self, DataType};
use crate::graph::Tensor;
use crate::kernels::rounding::{dequantize_i8, dequantize_i16};
use crate::ops::layout::{strides, walk};

/// A value as the simulation has it: integers of a scale as the floats that they stand for.
pub fn in_onnx_order(stored: &espdl::Tensor, perm: &[usize]) -> Result<Tensor> {
    let bytes = stored.bytes.as_slice();
    let plain = match stored.data_type {
        DataType::Int8 => Tensor::new(&stored.dims, dequantize_i8(bytes, exponent(stored)))?,
        DataType::Int16 => Tensor::new(&stored.dims, dequantize_i16(bytes, exponent(stored)))?,
        DataType::Float => Tensor::new(&stored.dims, each(bytes, f32::from_le_bytes))?,
        DataType::Int32 => Tensor::new(&stored.dims, each(bytes, |b| i64::from(i32::from_le_bytes(b))))?,
        DataType::Int64 => Tensor::new(&stored.dims, each(bytes, i64::from_le_bytes))?,
        DataType::Bool => Tensor::new(&stored.dims, each(bytes, |[b]| b != 0))?,
        other => bail!("value {} is {}, of which the interpreter makes none", stored.name, other.name()),
    };
    let is_plain = perm.iter().enumerate().all(|(place, &axis)| place == axis);
    if is_plain || perm.len() != stored.dims.len() {
        return Ok(plain);
    }
    // ONNX's axis `perm[i]` is stored as axis `i`.
    let (mut shape, mut steps) = (vec![0; perm.len()], vec![0; perm.len()]);
    for ((&axis, &size), step) in perm.iter().zip(&stored.dims).zip(strides(&stored.dims)) {
        // In bounds: `perm` is a permutation of the axes.
        (shape[axis], steps[axis]) = (size, step);
    }
    walk(&plain, 0, &shape, &steps)
}

fn each<T, const N: usize>(bytes: &[u8], element: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|&bytes| element(bytes)).collect()
}

/// Returns the exponent of an activation, which has one; the interpreter has checked its size.
pub fn exponent(stored: &espdl::Tensor) -> i32 {
    stored.exponents.first().and_then(|&e| i32::try_from(e).ok()).unwrap_or(0)
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
