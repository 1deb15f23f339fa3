//! Fake quantization of a tensor.

use crate::graph::Tensor;
use crate::kernels::rounding;
use crate::{Error, Result, bail};

use super::FakeQuant;

/// `clamp(round(x / 2^e), min, max) * 2^e` on every element, along the axis where per-channel.
///
/// Integers and booleans pass unchanged: they are shapes, indices and conditions.
pub fn fake_quantize(tensor: Tensor, q: &FakeQuant) -> Result<Tensor> {
    let shape = tensor.shape().to_vec();
    let channels = channels(&shape, q)?;
    Ok(match tensor {
        Tensor::F32(_) => {
            let mut values = tensor.into_vec::<f32>().unwrap_or_default();
            match channels {
                None => rounding::fake_quantize_f32(&mut values, q.exponents[0], q.bits, q.rounding),
                Some(inner) => {
                    for (channel, block) in values.chunks_mut(inner).enumerate() {
                        let e = q.exponents[channel % q.exponents.len()];
                        rounding::fake_quantize_f32(block, e, q.bits, q.rounding);
                    }
                }
            }
            Tensor::new(&shape, values)?
        }
        Tensor::F64(_) => {
            let mut values = tensor.into_vec::<f64>().unwrap_or_default();
            match channels {
                None => rounding::fake_quantize_f64(&mut values, q.exponents[0], q.bits, q.rounding),
                Some(inner) => {
                    for (channel, block) in values.chunks_mut(inner).enumerate() {
                        let e = q.exponents[channel % q.exponents.len()];
                        rounding::fake_quantize_f64(block, e, q.bits, q.rounding);
                    }
                }
            }
            Tensor::new(&shape, values)?
        }
        other => other,
    })
}

/// Elements of one channel's block, or `None` where one exponent serves all.
fn channels(shape: &[usize], q: &FakeQuant) -> Result<Option<usize>> {
    match (q.exponents.len(), q.axis) {
        (1, _) => Ok(None),
        (0, _) => bail!("a quantized tensor of shape {shape:?} has no exponent"),
        (n, Some(axis)) if shape.get(axis) == Some(&n) => Ok(Some(shape[axis + 1..].iter().product::<usize>().max(1))),
        (n, axis) => Err(Error::new(format!("{n} exponents along axis {axis:?} do not fit shape {shape:?}"))),
    }
}
