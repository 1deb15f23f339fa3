//! AVX-512 F, BW, DQ, VL, with and without VNNI.

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

    methods! {
        unsafe fn load_masked(from: *const f32, mask: __mmask16) -> Self {
            _mm512_maskz_loadu_ps(mask, from)
        }
        unsafe fn evens(self, next: Self) -> Self {
            let places = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            _mm512_permutex2var_ps(self, places, next)
        }
        unsafe fn splat(value: f32) -> Self {
            _mm512_set1_ps(value)
        }
        unsafe fn load(from: *const f32) -> Self {
            _mm512_loadu_ps(from)
        }
        unsafe fn load_first(from: *const f32, count: usize) -> Self {
            _mm512_maskz_loadu_ps(mask(count), from)
        }
        unsafe fn store(self, to: *mut f32) {
            _mm512_storeu_ps(to, self)
        }
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            _mm512_mask_storeu_ps(to, mask(count), self)
        }
        unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
            _mm512_fmadd_ps(self, factor, sum)
        }
        unsafe fn clamped(self, low: Self, high: Self) -> Self {
            // Both return their second operand if one is NaN.
            _mm512_min_ps(high, _mm512_max_ps(low, self))
        }
    }
}

#[inline(always)]
fn mask(count: usize) -> __mmask16 {
    ((1u32 << count.min(16)) - 1) as __mmask16
}

impl Integers for __m512i {
    const LEN: usize = 16;
    type Pairs = __m512i;

    methods! {
        unsafe fn zero() -> Self {
            _mm512_setzero_si512()
        }
        unsafe fn plus(self, other: Self) -> Self {
            _mm512_add_epi32(self, other)
        }
        unsafe fn load(from: *const i32) -> Self {
            _mm512_loadu_si512(from.cast())
        }
        unsafe fn store(self, to: *mut i32) {
            _mm512_storeu_si512(to.cast(), self)
        }
        unsafe fn pairs(from: *const i16) -> __m512i {
            _mm512_loadu_si512(from.cast())
        }
        unsafe fn pair(from: *const i16) -> __m512i {
            _mm512_set1_epi32(from.cast::<i32>().read_unaligned())
        }
        unsafe fn woven(a: *const i16, b: *const i16) -> [__m512i; 2] {
            let (a, b) = (_mm512_loadu_si512(a.cast()), _mm512_loadu_si512(b.cast()));
            // Within each quarter of the vector: the first four elements, then the last four.
            [_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b)]
        }
        unsafe fn unwoven([a, b]: [Self; 2]) -> [Self; 2] {
            let (low, high) =
                (_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15));
            [_mm512_permutex2var_epi64(a, low, b), _mm512_permutex2var_epi64(a, high, b)]
        }
        unsafe fn plus_products(self, a: __m512i, b: __m512i) -> Self {
            _mm512_add_epi32(self, _mm512_madd_epi16(a, b))
        }
    }
}

/// Sums to which VNNI adds products.
#[derive(Clone, Copy)]
pub struct Vnni(__m512i);

impl Integers for Vnni {
    const LEN: usize = 16;
    type Pairs = __m512i;

    methods! {
        unsafe fn zero() -> Self {
            Vnni(__m512i::zero())
        }
        unsafe fn plus(self, other: Self) -> Self {
            Vnni(self.0.plus(other.0))
        }
        unsafe fn load(from: *const i32) -> Self {
            Vnni(__m512i::load(from))
        }
        unsafe fn store(self, to: *mut i32) {
            self.0.store(to)
        }
        unsafe fn pairs(from: *const i16) -> __m512i {
            __m512i::pairs(from)
        }
        unsafe fn pair(from: *const i16) -> __m512i {
            __m512i::pair(from)
        }
        unsafe fn woven(a: *const i16, b: *const i16) -> [__m512i; 2] {
            __m512i::woven(a, b)
        }
        unsafe fn unwoven([a, b]: [Self; 2]) -> [Self; 2] {
            __m512i::unwoven([a.0, b.0]).map(Vnni)
        }
        unsafe fn plus_products(self, a: __m512i, b: __m512i) -> Self {
            Vnni(_mm512_dpwssd_epi32(self.0, a, b))
        }
    }
}
