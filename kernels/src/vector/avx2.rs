//! AVX2 and FMA.

use std::arch::x86_64::*;

use super::{Floats, Instructions, Integers};

pub struct Avx2;

impl Instructions for Avx2 {
    const REGISTERS: usize = 16;
    type Floats = __m256;
    type EightFloats = __m256;
    type Integers = __m256i;
    type EightIntegers = __m256i;
}

impl Floats for __m256 {
    const LEN: usize = 8;
    /// All bits of an element set, or none.
    type Mask = [i32; 8];

    #[inline(always)]
    fn mask(low: usize, high: usize) -> [i32; 8] {
        std::array::from_fn(|i| -i32::from(i >= low && i < high))
    }

    methods! {
        unsafe fn load_masked(from: *const f32, mask: [i32; 8]) -> Self {
            _mm256_maskload_ps(from, _mm256_loadu_si256(mask.as_ptr().cast()))
        }
        unsafe fn evens(self, next: Self) -> Self {
            // Takes pairs within each half; the middle quarters are then swapped.
            let shuffled = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(self, next));
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(shuffled))
        }
        unsafe fn splat(value: f32) -> Self {
            _mm256_set1_ps(value)
        }
        unsafe fn load(from: *const f32) -> Self {
            _mm256_loadu_ps(from)
        }
        unsafe fn load_first(from: *const f32, count: usize) -> Self {
            _mm256_maskload_ps(from, first(count))
        }
        unsafe fn store(self, to: *mut f32) {
            _mm256_storeu_ps(to, self)
        }
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            _mm256_maskstore_ps(to, first(count), self)
        }
        unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
            _mm256_fmadd_ps(self, factor, sum)
        }
        unsafe fn clamped(self, low: Self, high: Self) -> Self {
            // Both return their second operand if one is NaN.
            _mm256_min_ps(high, _mm256_max_ps(low, self))
        }
    }
}

/// Mask of the first `count` elements.
///
/// # Safety
///
/// The processor has AVX2.
#[inline(always)]
unsafe fn first(count: usize) -> __m256i {
    // SAFETY: guaranteed by the caller; no memory is accessed.
    unsafe {
        let places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(8) as i32), places)
    }
}

impl Integers for __m256i {
    const LEN: usize = 8;
    type Pairs = __m256i;

    methods! {
        unsafe fn zero() -> Self {
            _mm256_setzero_si256()
        }
        unsafe fn plus(self, other: Self) -> Self {
            _mm256_add_epi32(self, other)
        }
        unsafe fn load(from: *const i32) -> Self {
            _mm256_loadu_si256(from.cast())
        }
        unsafe fn store(self, to: *mut i32) {
            _mm256_storeu_si256(to.cast(), self)
        }
        unsafe fn pairs(from: *const i16) -> __m256i {
            _mm256_loadu_si256(from.cast())
        }
        unsafe fn pair(from: *const i16) -> __m256i {
            _mm256_set1_epi32(from.cast::<i32>().read_unaligned())
        }
        unsafe fn woven(a: *const i16, b: *const i16) -> [__m256i; 2] {
            let (a, b) = (_mm256_loadu_si256(a.cast()), _mm256_loadu_si256(b.cast()));
            // Within each half of the vector: elements 0 to 3 and 8 to 11, then the others.
            [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
        }
        unsafe fn unwoven([a, b]: [Self; 2]) -> [Self; 2] {
            [_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)]
        }
        unsafe fn plus_products(self, a: __m256i, b: __m256i) -> Self {
            _mm256_add_epi32(self, _mm256_madd_epi16(a, b))
        }
    }
}
