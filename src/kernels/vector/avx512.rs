//! AVX-512 F, BW, DQ, VL, and the same with VNNI.

use std::arch::x86_64::*;

use super::{Floats, Instructions, Integers};

pub struct Avx512;

impl Instructions for Avx512 {
    const REGISTERS: usize = 32;
    type Floats = __m512;
    type EightFloats = __m256;
    type Integers = __m512i;
    type EightIntegers = __m256i;
}

pub struct Avx512Vnni;

impl Instructions for Avx512Vnni {
    const REGISTERS: usize = 32;
    type Floats = __m512;
    type EightFloats = __m256;
    type Integers = Vnni;
    type EightIntegers = __m256i;
}

impl Floats for __m512 {
    const LEN: usize = 16;
    type Mask = __mmask16;

    #[inline(always)]
    fn mask(low: usize, high: usize) -> __mmask16 {
        mask(high) & !mask(low)
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: __mmask16) -> Self {
        unsafe { _mm512_maskz_loadu_ps(mask, from) }
    }
    #[inline(always)]
    unsafe fn evens(self, next: Self) -> Self {
        unsafe {
            let places = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            _mm512_permutex2var_ps(self, places, next)
        }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        unsafe { _mm512_maskz_loadu_ps(mask(count), from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        unsafe { _mm512_mask_storeu_ps(to, mask(count), self) }
    }
    #[inline(always)]
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
        unsafe { _mm512_fmadd_ps(self, factor, sum) }
    }
    #[inline(always)]
    unsafe fn clamped(self, low: Self, high: Self) -> Self {
        // Both give their second operand where one is NaN.
        unsafe { _mm512_min_ps(high, _mm512_max_ps(low, self)) }
    }
}

#[inline(always)]
fn mask(count: usize) -> __mmask16 {
    ((1u32 << count.min(16)) - 1) as __mmask16
}

impl Integers for __m512i {
    const LEN: usize = 16;
    type Pairs = __m512i;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        unsafe { _mm512_add_epi32(self, other) }
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        unsafe { _mm512_storeu_si512(to.cast(), self) }
    }
    #[inline(always)]
    unsafe fn pairs(from: *const i16) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn pair(from: *const i16) -> __m512i {
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn woven(a: *const i16, b: *const i16) -> [__m512i; 2] {
        unsafe {
            let (a, b) = (_mm512_loadu_si512(a.cast()), _mm512_loadu_si512(b.cast()));
            // By quarters of the vector: the first four elements of each, then the last four.
            [_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b)]
        }
    }
    #[inline(always)]
    unsafe fn unwoven([a, b]: [Self; 2]) -> [Self; 2] {
        unsafe {
            let (low, high) =
                (_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15));
            [_mm512_permutex2var_epi64(a, low, b), _mm512_permutex2var_epi64(a, high, b)]
        }
    }
    #[inline(always)]
    unsafe fn plus_products(self, a: __m512i, b: __m512i) -> Self {
        unsafe { _mm512_add_epi32(self, _mm512_madd_epi16(a, b)) }
    }
}

/// Sums to which VNNI adds products.
#[derive(Clone, Copy)]
pub struct Vnni(__m512i);

impl Integers for Vnni {
    const LEN: usize = 16;
    type Pairs = __m512i;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Vnni(__m512i::zero()) }
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        unsafe { Vnni(self.0.plus(other.0)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        unsafe { Vnni(__m512i::load(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        unsafe { self.0.store(to) }
    }
    #[inline(always)]
    unsafe fn pairs(from: *const i16) -> __m512i {
        unsafe { __m512i::pairs(from) }
    }
    #[inline(always)]
    unsafe fn pair(from: *const i16) -> __m512i {
        unsafe { __m512i::pair(from) }
    }
    #[inline(always)]
    unsafe fn woven(a: *const i16, b: *const i16) -> [__m512i; 2] {
        unsafe { __m512i::woven(a, b) }
    }
    #[inline(always)]
    unsafe fn unwoven([a, b]: [Self; 2]) -> [Self; 2] {
        unsafe { __m512i::unwoven([a.0, b.0]).map(Vnni) }
    }
    #[inline(always)]
    unsafe fn plus_products(self, a: __m512i, b: __m512i) -> Self {
        unsafe { Vnni(_mm512_dpwssd_epi32(self.0, a, b)) }
    }
}
