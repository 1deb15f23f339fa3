//! Elements of tensors as model files store them: little-endian numbers, half floats. Here, below the readers of files, since these
//! loops run for each weight.

use crate::Result;

use super::{Element, Tensor};

/// Element with a form in files.
pub trait Stored: Element {
    /// Appends the elements that these bytes hold; a rest that fills none is left out.
    fn extend(elements: &mut Vec<Self>, bytes: &[u8]);
}

macro_rules! stored {
    ($($type:ty)*) => {
        $(impl Stored for $type {
            fn extend(elements: &mut Vec<$type>, bytes: &[u8]) {
                elements.extend(bytes.as_chunks().0.iter().map(|&bytes| <$type>::from_le_bytes(bytes)));
            }
        })*
    };
}

stored! { f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 }

impl Stored for bool {
    fn extend(elements: &mut Vec<bool>, bytes: &[u8]) {
        elements.extend(bytes.iter().map(|&byte| byte != 0));
    }
}

/// Makes a tensor of the stored elements of `raw`. Fails if they do not fill the shape.
pub fn numbers<T: Stored>(shape: &[usize], raw: &[u8]) -> Result<Tensor> {
    let mut elements = Vec::with_capacity(raw.len() / size_of::<T>());
    T::extend(&mut elements, raw);
    Tensor::new(shape, elements)
}

/// Makes a tensor of float32 of elements of float16. Fails if they do not fill the shape.
pub fn f16(shape: &[usize], raw: &[u8]) -> Result<Tensor> {
    Tensor::new(shape, raw.as_chunks().0.iter().map(|&bytes| widen_f16(u16::from_le_bytes(bytes))).collect())
}

/// Makes a tensor of float32 of elements of bfloat16. Fails if they do not fill the shape.
pub fn bf16(shape: &[usize], raw: &[u8]) -> Result<Tensor> {
    Tensor::new(shape, raw.as_chunks().0.iter().map(|&bytes| widen_bf16(u16::from_le_bytes(bytes))).collect())
}

/// Appends stored numbers of float32, each multiplied by a factor.
pub fn extend_multiplied(elements: &mut Vec<f32>, numbers: &[[u8; 4]], factor: f32) {
    elements.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes) * factor));
}

/// Multiplies the elements of each channel by its factor.
pub fn multiply(elements: &mut [f32], size: usize, factors: &[f32]) {
    for (channel, factor) in elements.chunks_mut(size).zip(factors) {
        channel.iter_mut().for_each(|element| *element *= factor);
    }
}

/// Converts IEEE 754 binary16 to binary32, exactly.
pub fn widen_f16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: fraction x 2^-24.
        0 => f32::from_bits(sign | (fraction as f32 * 2f32.powi(-24)).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// Converts bfloat16 to binary32, exactly.
pub fn widen_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_widen_exactly() {
        let cases =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 2f32.powi(-24)), (0x0400, 2f32.powi(-14))];
        for (bits, value) in cases {
            assert_eq!(widen_f16(bits), value, "{bits:#06x}");
        }
        assert!(widen_f16(0x7e00).is_nan() && widen_f16(0xfc00) == f32::NEG_INFINITY);
        assert_eq!(widen_bf16(0xc040), -3.0);
    }
}
