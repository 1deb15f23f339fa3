//! The two floating-point types that kernels compute in.

use std::ops::{Add, AddAssign, Div, Mul, Sub};

use super::loops::Loops;
use super::matmul::Multiplier;

/// float32, or float64 for sums that must be exact beyond 2^24.
pub trait Real:
    Loops
    + Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + 'static
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The identity of `max`.
    const NEG_INFINITY: Self;

    /// 2^exponent: 0 below the smallest subnormal, infinite above the largest finite number.
    fn power(exponent: i32) -> Self;
    /// Converts without loss.
    fn from_f32(value: f32) -> Self;
    /// Rounds to the nearest value.
    fn from_f64(value: f64) -> Self;
    /// Converts without loss.
    fn to_f64(self) -> f64;
    /// Truncates toward zero, saturating.
    fn to_i32(self) -> i32;
    /// Rounds to the nearest integer, ties to even.
    fn round_even(self) -> Self;
    /// Largest integer that is not above the value.
    fn floor(self) -> Self;
    /// Returns `true` if the value is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Rounds to the nearest value.
    fn from_usize(value: usize) -> Self;
    /// `max(low)` then `min(high)`; NaN stays NaN.
    fn clamped(self, low: Self, high: Self) -> Self;
    /// Returns `true` for NaN.
    fn is_nan(self) -> bool;
    /// e^self; in float32 by [`super::activation::exp`].
    fn exponential(self) -> Self;

    /// Returns the function of matrix products for this processor.
    fn multiplier() -> Multiplier<Self>;

    /// The slice itself, if this type is float32.
    fn single(values: &[Self]) -> Option<&[f32]>;
    /// The values themselves, if this type is float32.
    fn from_single(values: Vec<f32>) -> Option<Vec<Self>>;
}

macro_rules! real {
    ($type:ty, $bits:ty, $exp:path, $multiplier:path, $values:ident, $single:expr) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = <$type>::NEG_INFINITY;

            fn power(exponent: i32) -> Self {
                let (bias, digits) = (<$type>::MAX_EXP - 1, <$type>::MANTISSA_DIGITS as i32 - 1);
                if exponent > bias {
                    <$type>::INFINITY
                } else if exponent > -bias {
                    <$type>::from_bits(((exponent + bias) as $bits) << digits)
                } else if exponent > -bias - digits {
                    <$type>::from_bits(1 << (exponent + bias + digits - 1))
                } else {
                    0.0
                }
            }
            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                value.into()
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn to_i32(self) -> i32 {
                self as i32
            }
            #[inline(always)]
            fn round_even(self) -> Self {
                self.round_ties_even()
            }
            #[inline(always)]
            fn floor(self) -> Self {
                self.floor()
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn from_usize(value: usize) -> Self {
                value as $type
            }
            #[inline(always)]
            fn clamped(self, low: Self, high: Self) -> Self {
                // NaN passes both comparisons, as in ONNX Runtime and torch.
                let v = if self < low { low } else { self };
                if v > high { high } else { v }
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }
            #[inline(always)]
            fn exponential(self) -> Self {
                $exp(self)
            }
            fn multiplier() -> Multiplier<Self> {
                $multiplier()
            }
            fn single($values: &[Self]) -> Option<&[f32]> {
                $single
            }
            fn from_single($values: Vec<f32>) -> Option<Vec<Self>> {
                $single
            }
        }
    };
}

real!(f32, u32, super::activation::exp, gemm_f32::gemm::f32::get_gemm_fn, values, Some(values));
real!(f64, u64, f64::exp, gemm_f64::gemm::f64::get_gemm_fn, _values, None);

/// Clamps every element to `[low, high]`.
pub fn clamp<T: Real>(values: &mut [T], (low, high): (T, T)) {
    for v in values {
        *v = v.clamped(low, high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_reach_from_the_smallest_subnormal_to_infinity() {
        assert_eq!(
            [-150, -149, -127, -126, 0, 127, 128].map(f32::power),
            [0.0, f32::from_bits(1), f32::MIN_POSITIVE / 2.0, f32::MIN_POSITIVE, 1.0, 2f32.powi(127), f32::INFINITY]
        );
        assert_eq!(
            [-1075, -1074, 1023, 1024].map(f64::power),
            [0.0, f64::from_bits(1), 2f64.powi(1023), f64::INFINITY]
        );
    }
}
