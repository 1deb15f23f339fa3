//! Softmax and LogSoftmax, which the chip computes in float for every input type.
//!
//! The chip uses `expf` and `logf` of its C library, whose last bit may differ from those used here; the loader's
//! self-test therefore allows 2e-5 for floats.
//!
//! Never: integer outputs.

use crate::espdl::DataType;
use crate::{Result, bail};

use super::kernel::Kernel;
use super::node_context::Step;
use super::requantize::convert;
use super::value::Data;

/// Prepares Softmax. int8 reads exponentials from a table without subtracting the maximum (`forward_lut` in
/// `dl_module_softmax.hpp`), so that sums may overflow or be 0.
pub fn softmax(step: &Step) -> Result<Kernel> {
    along(step, |row, shifts| {
        let max = if shifts { row.iter().copied().fold(f32::NEG_INFINITY, f32::max) } else { 0.0 };
        row.iter_mut().for_each(|x| *x = libm::expf(*x - max));
        let sum = row.iter().fold(0f32, |sum, x| sum + x);
        row.iter_mut().for_each(|x| *x /= sum);
    })
}

/// Prepares LogSoftmax, at int8 without subtracting the maximum, like [`softmax`].
pub fn log_softmax(step: &Step) -> Result<Kernel> {
    along(step, |row, shifts| {
        let max = if shifts { row.iter().copied().fold(f32::NEG_INFINITY, f32::max) } else { 0.0 };
        let sum = row.iter().fold(0f32, |sum, x| sum + libm::expf(x - max));
        let log = libm::logf(sum);
        row.iter_mut().for_each(|x| *x = *x - max - log);
    })
}

fn along(step: &Step, each: impl Fn(&mut [f32], bool) + Send + Sync + 'static) -> Result<Kernel> {
    let input = step.input(0)?;
    if step.output()?.data_type != DataType::Float {
        bail!("its output is declared {}, but the chip makes float32", step.output()?.data_type.name());
    }
    if !matches!(input.data_type, DataType::Int8 | DataType::Int16 | DataType::Float) {
        bail!("its input has infinite or NaN values");
    }
    let axis = step.axis(step.int("axis", -1), input.dims.len())?;
    // In bounds: `axis` is below the rank.
    let (length, inner) = (input.dims[axis], input.dims[axis + 1..].iter().product::<usize>());
    let (from, family, shifts) = (input.exponent(), step.family(), input.data_type != DataType::Int8);
    Ok(step.makes_floats(input.dims.clone(), move |inputs| {
        let Data::F32(mut values) = convert(inputs.get(0)?, from, DataType::Float, 0, family)? else {
            bail!("its input has infinite or NaN values");
        };
        let mut row = vec![0f32; length];
        for outer in values.chunks_exact_mut((length * inner).max(1)) {
            for k in 0..inner {
                row.iter_mut().enumerate().for_each(|(i, x)| *x = outer[i * inner + k]);
                each(&mut row, shifts);
                row.iter().enumerate().for_each(|(i, &x)| outer[i * inner + k] = x);
            }
        }
        Ok(values)
    }))
}
