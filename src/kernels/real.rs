//! The two floating-point types that kernels compute in.

use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// float32, or float64 where sums must be exact beyond 2^24.
pub trait Real:
    Copy
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
    const ZERO: Self;
    const ONE: Self;
    const NEG_INFINITY: Self;

    fn from_f32(value: f32) -> Self;
    fn from_usize(value: usize) -> Self;
    /// `max(low)` then `min(high)`; NaN stays NaN.
    fn clamped(self, low: Self, high: Self) -> Self;
    fn is_nan(self) -> bool;
}

macro_rules! real {
    ($type:ty) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = <$type>::NEG_INFINITY;

            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                value.into()
            }
            #[inline(always)]
            fn from_usize(value: usize) -> Self {
                value as $type
            }
            #[inline(always)]
            fn clamped(self, low: Self, high: Self) -> Self {
                // Written so that NaN falls through both comparisons, as in ONNX Runtime and torch.
                let v = if self < low { low } else { self };
                if v > high { high } else { v }
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }
        }
    };
}

real!(f32);
real!(f64);

/// Clamps every element to `[low, high]`.
pub fn clamp<T: Real>(values: &mut [T], (low, high): (T, T)) {
    for v in values {
        *v = v.clamped(low, high);
    }
}
