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
    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: [bool; 4]) -> Self {
        if mask == [true; 4] {
            return unsafe { vld1q_f32(from) };
        }
        let values: [f32; 4] = std::array::from_fn(|i| if mask[i] { unsafe { *from.wrapping_add(i) } } else { 0.0 });
        unsafe { vld1q_f32(values.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn evens(self, next: Self) -> Self {
        unsafe { vuzp1q_f32(self, next) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        unsafe { Self::load_masked(from, Self::mask(0, count)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { vst1q_f32(to, self) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        let mut values = [0.0; 4];
        unsafe { vst1q_f32(values.as_mut_ptr(), self) };
        for (i, v) in values.into_iter().enumerate().take(count) {
            unsafe { to.add(i).write(v) }
        }
    }
    #[inline(always)]
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
        unsafe { vfmaq_f32(sum, self, factor) }
    }
    #[inline(always)]
    unsafe fn clamped(self, low: Self, high: Self) -> Self {
        unsafe {
            // Comparisons with NaN do not hold.
            let v = vbslq_f32(vcltq_f32(self, low), low, self);
            vbslq_f32(vcgtq_f32(v, high), high, v)
        }
    }
}

impl Integers for int32x4_t {
    const LEN: usize = 4;
    type Pairs = int16x8_t;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { vdupq_n_s32(0) }
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        unsafe { vaddq_s32(self, other) }
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        unsafe { vld1q_s32(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        unsafe { vst1q_s32(to, self) }
    }
    #[inline(always)]
    unsafe fn pairs(from: *const i16) -> int16x8_t {
        unsafe { vld1q_s16(from) }
    }
    #[inline(always)]
    unsafe fn pair(from: *const i16) -> int16x8_t {
        unsafe { vreinterpretq_s16_s32(vdupq_n_s32(from.cast::<i32>().read_unaligned())) }
    }
    #[inline(always)]
    unsafe fn woven(a: *const i16, b: *const i16) -> [int16x8_t; 2] {
        unsafe {
            let (a, b) = (vld1q_s16(a), vld1q_s16(b));
            [vzip1q_s16(a, b), vzip2q_s16(a, b)]
        }
    }
    #[inline(always)]
    unsafe fn unwoven(sums: [Self; 2]) -> [Self; 2] {
        sums
    }
    #[inline(always)]
    unsafe fn plus_products(self, a: int16x8_t, b: int16x8_t) -> Self {
        unsafe {
            let (low, high) = (vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
            vaddq_s32(self, vpaddq_s32(low, high))
        }
    }
}
