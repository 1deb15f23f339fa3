//! Rounding and quantization of slices, bit-identical to esp-ppq's with torch (`quantization/qfunction/linear.py`):
//! divide by the scale, round, clamp, multiply, each step rounded to the slice's own float type.
//!
//! Scales are powers of two. NaN stays NaN. Zero is always +0, since esp-ppq adds a zero offset.

use super::real::Real;
use super::simd::multiversion;

/// Rounding mode of a shifted sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rounding {
    /// Ties to even: esp32p4, esp32s31.
    HalfEven,
    /// Ties toward positive infinity, `floor(x + 0.5)`: esp32s3 and the C targets.
    HalfUp,
}

/// `clamp(round(x / 2^e), -2^(bits-1), 2^(bits-1) - 1) * 2^e`.
///
/// In float32, bounds of more than 24 bits are rounded, as torch rounds them.
pub fn fake_quantize<T: Real>(values: &mut [T], exponent: i32, bits: u32, rounding: Rounding) {
    T::fake_quantize(values, exponent, bits, rounding);
}

pub(super) fn round_trip<T: Real>(values: &mut [T], exponent: i32, bits: u32, rounding: Rounding) {
    match rounding {
        Rounding::HalfEven => round_trip_even(values, Grid::new(exponent, bits)),
        Rounding::HalfUp => round_trip_up(values, Grid::new(exponent, bits)),
    }
}

/// Applies [`fake_quantize`] to channels of `inner` elements, each with its own exponent; the exponents repeat until
/// all channels are done.
pub fn fake_quantize_channels<T: Real>(
    values: &mut [T],
    exponents: &[i32],
    inner: usize,
    bits: u32,
    rounding: Rounding,
) {
    for (values, exponent) in values.chunks_mut(inner.max(1)).zip(exponents.iter().cycle()) {
        fake_quantize(values, *exponent, bits, rounding);
    }
}

/// Integer type that quantized values are stored in.
pub trait StoredInteger: Copy + Default {
    /// Truncates toward zero, saturating; NaN becomes 0.
    fn of<T: Real>(value: T) -> Self;
}

macro_rules! whole {
    ($($type:ty)*) => {$(impl StoredInteger for $type {
        #[inline(always)]
        fn of<T: Real>(value: T) -> Self {
            // An int32 holds all of the narrow types, and is the type that processors convert to.
            if size_of::<$type>() < 4 { value.to_i32() as $type } else { value.to_f64() as $type }
        }
    })*};
}

whole!(i8 i16 i32 i64);

/// `clamp(round(x / 2^e), -2^(bits-1), 2^(bits-1) - 1)`, computed in the type of `values`.
pub fn quantize<T: Real, I: StoredInteger>(values: &[T], exponent: i32, bits: u32, rounding: Rounding) -> Vec<I> {
    // Clamped before converting, so that no narrow integer wraps.
    let bits = bits.min(8 * size_of::<I>() as u32);
    match rounding {
        Rounding::HalfEven => integers_even(values, Grid::new(exponent, bits)),
        Rounding::HalfUp => integers_up(values, Grid::new(exponent, bits)),
    }
}

/// Returns the values that int8 elements stand for: `q * 2^e`.
pub fn dequantize_i8(elements: &[u8], exponent: i32) -> Vec<f32> {
    values_of_i8(elements, f32::power(exponent))
}

/// Returns the values that int16 elements stand for, of two bytes each, the lower one first.
pub fn dequantize_i16(elements: &[u8], exponent: i32) -> Vec<f32> {
    values_of_i16(elements, f32::power(exponent))
}

/// Representable values of a quantized tensor.
#[derive(Debug, Clone, Copy)]
struct Grid<T> {
    scale: T,
    /// 1 / scale if that is representable: multiplying by it is then the same as dividing.
    inverse: Option<T>,
    min: T,
    max: T,
}

impl<T: Real> Grid<T> {
    fn new(exponent: i32, bits: u32) -> Self {
        let half = bits.clamp(1, 64) as i32 - 1;
        let (scale, inverse) = (T::power(exponent), T::power(exponent.saturating_neg()));
        let usable = |v: T| v > T::ZERO && v.is_finite();
        Grid {
            scale,
            inverse: (usable(scale) && usable(inverse)).then_some(inverse),
            min: T::ZERO - T::power(half),
            // In float32, 2^31 - 1 rounds to 2^31; torch clamps to that value, too.
            max: T::from_f64(f64::power(half) - 1.0),
        }
    }

    #[inline(always)]
    fn round(&self, value: T, rounding: Rounding) -> T {
        let x = match self.inverse {
            Some(inverse) => value * inverse,
            None => value / self.scale,
        };
        let rounded = match rounding {
            Rounding::HalfEven => x.round_even(),
            Rounding::HalfUp => (x + T::from_f32(0.5)).floor(),
        };
        // Adding the offset of zero turns -0 into +0.
        (rounded + T::ZERO).clamped(self.min, self.max)
    }
}

multiversion! {
    /// Converts without loss.
    pub fn widened(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&v| v.into()).collect()
    }

    /// Rounds to the nearest values.
    pub fn narrowed(values: &[f64]) -> Vec<f32> {
        values.iter().map(|&v| v as f32).collect()
    }

    fn values_of_i8(elements: &[u8], step: f32) -> Vec<f32> {
        elements.iter().map(|&q| f32::from(q as i8) * step).collect()
    }

    fn values_of_i16(elements: &[u8], step: f32) -> Vec<f32> {
        elements.as_chunks().0.iter().map(|&q| f32::from(i16::from_le_bytes(q)) * step).collect()
    }

    fn round_trip_even[T: Real](values: &mut [T], grid: Grid<T>) {
        values.iter_mut().for_each(|v| *v = grid.round(*v, Rounding::HalfEven) * grid.scale);
    }

    fn round_trip_up[T: Real](values: &mut [T], grid: Grid<T>) {
        values.iter_mut().for_each(|v| *v = grid.round(*v, Rounding::HalfUp) * grid.scale);
    }

    fn integers_even[T: Real, I: StoredInteger](values: &[T], grid: Grid<T>) -> Vec<I> {
        values.iter().map(|&v| I::of(grid.round(v, Rounding::HalfEven))).collect()
    }

    fn integers_up[T: Real, I: StoredInteger](values: &[T], grid: Grid<T>) -> Vec<I> {
        values.iter().map(|&v| I::of(grid.round(v, Rounding::HalfUp))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantized(value: f32, exponent: i32, bits: u32, rounding: Rounding) -> f32 {
        // 33 elements, so that both the vectors and their remainder are tested.
        let mut values = [value; 33];
        fake_quantize(&mut values, exponent, bits, rounding);
        assert!(values.iter().all(|v| v.to_bits() == values[0].to_bits()));
        values[0]
    }

    #[test]
    fn ties_go_to_even_or_up() {
        let inputs = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5];
        assert_eq!(inputs.map(|v| quantized(v, 0, 8, Rounding::HalfEven)), [-2.0, -2.0, 0.0, 0.0, 2.0, 2.0]);
        assert_eq!(inputs.map(|v| quantized(v, 0, 8, Rounding::HalfUp)), [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn half_up_adds_in_float32() {
        // The largest float32 below 0.5 plus 0.5 is 1 in float32, as in torch.
        assert_eq!(quantized(0.49999997, 0, 8, Rounding::HalfUp), 1.0);
        assert_eq!(quantized(8_388_609.0, 0, 32, Rounding::HalfUp), 8_388_610.0);
    }

    #[test]
    fn zero_is_positive_and_nan_stays() {
        assert_eq!(quantized(-0.3, 0, 8, Rounding::HalfEven).to_bits(), 0);
        assert!(quantized(f32::NAN, 0, 8, Rounding::HalfUp).is_nan());
    }

    #[test]
    fn bounds_are_those_of_torch_clamp() {
        let largest = |bits| quantized(3e38, 0, bits, Rounding::HalfEven);
        assert_eq!([8, 20, 32, 40].map(largest), [127.0, 524_287.0, 2_147_483_648.0, 549_755_813_888.0]);
        assert_eq!(quantized(-1e30, 0, 64, Rounding::HalfEven), -9_223_372_036_854_775_808.0);
        assert_eq!(quantized(f32::NEG_INFINITY, 3, 8, Rounding::HalfEven), -1024.0);
    }

    /// Expected values are from torch 2.x: `torch.clamp((v / s).round(), -128, 127) * s`.
    #[test]
    fn extreme_exponents_divide_like_torch() {
        let of = |e: i32| [1e-40, 1e-38, 1.0, 0.0, -1e-45].map(|v: f32| quantized(v, e, 8, Rounding::HalfEven));
        let full = 127.0 * f32::from_bits(1 << 9);
        assert_eq!(of(-140), [full, full, full, 0.0, 0.0]);
        assert_eq!(of(-149), [127.0, 127.0, 127.0, 0.0, -1.0].map(|n: f32| n * f32::from_bits(1)));
        assert_eq!(of(127), [0.0; 5]);
        assert_eq!(quantized(1e38, 127, 8, Rounding::HalfEven), 2f32.powi(127));
        assert_eq!(quantized(3e38, 127, 8, Rounding::HalfEven), f32::INFINITY);
        assert!(quantized(1.0, 128, 8, Rounding::HalfEven).is_nan());
    }

    #[test]
    fn channels_have_their_own_exponents() {
        let mut values = [0.3f32, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3];
        fake_quantize_channels(&mut values, &[0, -1], 2, 8, Rounding::HalfEven);
        assert_eq!(values, [0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.5, 0.5]);
    }

    #[test]
    fn integers_are_the_multiples_of_the_scale() {
        let values = [-100.0, -1.25, -0.3, 0.0, 0.3, 1.25, 1.375, 100.0];
        assert_eq!(quantize::<f32, i8>(&values, -2, 8, Rounding::HalfEven), [-128, -5, -1, 0, 1, 5, 6, 127]);
        assert_eq!(quantize::<f32, i16>(&values, -2, 16, Rounding::HalfUp), [-400, -5, -1, 0, 1, 5, 6, 400]);
        let wide = [3e9, -3e9, 123_456_789.0];
        assert_eq!(quantize::<f64, i32>(&wide, 0, 32, Rounding::HalfEven), [i32::MAX, i32::MIN, 123_456_789]);
    }
}
