//! Fake quantization of a tensor.

use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::kernels::rounding;
use crate::{Error, Result, bail};

use super::FakeQuant;

/// Applies `clamp(round(x / 2^e), min, max) * 2^e` to every element, per channel if there is an axis.
///
/// Integers and booleans are unchanged: they are shapes, indices and conditions.
pub fn fake_quantize(tensor: Tensor, q: &FakeQuant) -> Result<Tensor> {
    let shape = tensor.shape().to_vec();
    let inner = channel_length(&shape, q)?;
    Ok(match tensor {
        Tensor::F32(_) => Tensor::new(&shape, quantized::<f32>(tensor, q, inner))?,
        Tensor::F64(_) => Tensor::new(&shape, quantized::<f64>(tensor, q, inner))?,
        other => other,
    })
}

fn quantized<T: Element + Real>(tensor: Tensor, q: &FakeQuant, inner: Option<usize>) -> Vec<T> {
    let mut values = tensor.into_vec::<T>().unwrap_or_default();
    match inner {
        None => rounding::fake_quantize(&mut values, q.exponents[0], q.bits, q.rounding),
        Some(inner) => rounding::fake_quantize_channels(&mut values, &q.exponents, inner, q.bits, q.rounding),
    }
    values
}

/// Returns the length of one channel's block; `None` if one exponent serves all elements.
fn channel_length(shape: &[usize], q: &FakeQuant) -> Result<Option<usize>> {
    match (q.exponents.len(), q.axis) {
        (1, _) => Ok(None),
        (0, _) => bail!("a quantized tensor of shape {shape:?} has no exponent"),
        (n, Some(axis)) if shape.get(axis) == Some(&n) => Ok(Some(shape[axis + 1..].iter().product::<usize>().max(1))),
        (n, axis) => Err(Error::new(format!("{n} exponents along axis {axis:?} do not fit shape {shape:?}"))),
    }
}
