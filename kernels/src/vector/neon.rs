//! NEON, which every aarch64 processor has.

use std::arch::aarch64::*;

use super::{Floats, Instructions, Integers};

pub struct Neon;

impl Instructions for Neon {
    const REGISTERS: usize = 32;
    type Floats = float32x4_t;
    type EightFloats = float32x4_t;
    type Integers = int32x4_t;
    type EightIntegers = int32x4_t;
}

impl Floats for float32x4_t {
    const LEN: usize = 4;
    type Mask = [bool; 4];

    #[inline(always)]
    fn mask(low: usize, high: usize) -> [bool; 4] {
        std::array::from_fn(|i| i >= low && i < high)
    }

    methods! {
        unsafe fn load_masked(from: *const f32, mask: [bool; 4]) -> Self {
            if mask == [true; 4] {
                return vld1q_f32(from);
            }
            let values: [f32; 4] = std::array::from_fn(|i| if mask[i] { *from.wrapping_add(i) } else { 0.0 });
            vld1q_f32(values.as_ptr())
        }
        unsafe fn evens(self, next: Self) -> Self {
            vuzp1q_f32(self, next)
        }
        unsafe fn splat(value: f32) -> Self {
            vdupq_n_f32(value)
        }
        unsafe fn load(from: *const f32) -> Self {
            vld1q_f32(from)
        }
        unsafe fn load_first(from: *const f32, count: usize) -> Self {
            Self::load_masked(from, Self::mask(0, count))
        }
        unsafe fn store(self, to: *mut f32) {
            vst1q_f32(to, self)
        }
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            let mut values = [0.0; 4];
            vst1q_f32(values.as_mut_ptr(), self);
            for (i, v) in values.into_iter().enumerate().take(count) {
                to.add(i).write(v)
            }
        }
        unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
            vfmaq_f32(sum, self, factor)
        }
        unsafe fn clamped(self, low: Self, high: Self) -> Self {
            // Comparisons with NaN are false.
            let v = vbslq_f32(vcltq_f32(self, low), low, self);
            vbslq_f32(vcgtq_f32(v, high), high, v)
        }
    }
}

impl Integers for int32x4_t {
    const LEN: usize = 4;
    type Pairs = int16x8_t;

    methods! {
        unsafe fn zero() -> Self {
            vdupq_n_s32(0)
        }
        unsafe fn plus(self, other: Self) -> Self {
            vaddq_s32(self, other)
        }
        unsafe fn load(from: *const i32) -> Self {
            vld1q_s32(from)
        }
        unsafe fn store(self, to: *mut i32) {
            vst1q_s32(to, self)
        }
        unsafe fn pairs(from: *const i16) -> int16x8_t {
            vld1q_s16(from)
        }
        unsafe fn pair(from: *const i16) -> int16x8_t {
            vreinterpretq_s16_s32(vdupq_n_s32(from.cast::<i32>().read_unaligned()))
        }
        unsafe fn woven(a: *const i16, b: *const i16) -> [int16x8_t; 2] {
            let (a, b) = (vld1q_s16(a), vld1q_s16(b));
            [vzip1q_s16(a, b), vzip2q_s16(a, b)]
        }
        unsafe fn unwoven(sums: [Self; 2]) -> [Self; 2] {
            sums
        }
        unsafe fn plus_products(self, a: int16x8_t, b: int16x8_t) -> Self {
            let (low, high) = (vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
            vaddq_s32(self, vpaddq_s32(low, high))
        }
    }
}
