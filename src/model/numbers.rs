//! Elements of tensors as files store them: little-endian numbers, half floats.

use crate::Result;
use crate::graph::{Element, Tensor};

/// Makes a tensor of the stored elements of `raw`.
pub fn numbers<T: Element, const N: usize>(shape: &[usize], raw: &[u8], from: impl Fn([u8; N]) -> T) -> Result<Tensor> {
    Tensor::new(shape, raw.as_chunks::<N>().0.iter().copied().map(from).collect())
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
