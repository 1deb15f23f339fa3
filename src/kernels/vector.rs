//! Vectors of float32 for kernels that hold their sums in registers.
//!
//! A kernel is written once over [`Vector`] and compiled for each kind by a `#[target_feature]`
//! function around it; all methods inline into that.

/// Some float32 numbers side by side.
///
/// # Safety
///
/// The caller of a method promises two things: the processor has the vector's instructions, and the elements that the
/// method names at a pointer can be read or written. They need not be aligned.
pub(super) trait Vector: Copy {
    /// Elements of a vector.
    const LEN: usize;
    /// Elements to load.
    type Mask: Copy;

    /// `LEN` times `value`.
    unsafe fn splat(value: f32) -> Self;
    /// `LEN` elements.
    unsafe fn load(from: *const f32) -> Self;
    /// The first `count` elements, then zeros; only they are read.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;
    /// Elements `low..high`; both at most `LEN`.
    fn mask(low: usize, high: usize) -> Self::Mask;
    /// The elements of the mask, zeros elsewhere; only they have to be readable.
    unsafe fn load_masked(from: *const f32, mask: Self::Mask) -> Self;
    /// The even elements of the two, side by side.
    unsafe fn evens(self, next: Self) -> Self;
    /// Writes all elements.
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `count` elements and nothing behind them.
    unsafe fn store_first(self, to: *mut f32, count: usize);
    /// `self * factor + sum`.
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self;
    /// At least `low`, then at most `high`; NaN stays.
    unsafe fn clamped(self, low: Self, high: Self) -> Self;
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;

    impl Vector for __m512 {
        const LEN: usize = 16;
        type Mask = __mmask16;

        #[inline(always)]
        fn mask(low: usize, high: usize) -> __mmask16 {
            mask(high) & !mask(low)
        }
        #[inline(always)]
        unsafe fn load_masked(from: *const f32, mask: __mmask16) -> Self {
            // SAFETY: the caller promises the instructions, and that the elements of the mask are readable.
            unsafe { _mm512_maskz_loadu_ps(mask, from) }
        }
        #[inline(always)]
        unsafe fn evens(self, next: Self) -> Self {
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe {
                let places = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
                _mm512_permutex2var_ps(self, places, next)
            }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe { _mm512_set1_ps(value) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller promises the instructions, and `LEN` readable elements.
            unsafe { _mm512_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn load_first(from: *const f32, count: usize) -> Self {
            // SAFETY: the caller promises the instructions, and `count` readable elements; the others are not read.
            unsafe { _mm512_maskz_loadu_ps(mask(count), from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller promises the instructions, and `LEN` writable elements.
            unsafe { _mm512_storeu_ps(to, self) }
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            // SAFETY: the caller promises the instructions, and `count` writable elements; the others are not written.
            unsafe { _mm512_mask_storeu_ps(to, mask(count), self) }
        }
        #[inline(always)]
        unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe { _mm512_fmadd_ps(self, factor, sum) }
        }
        #[inline(always)]
        unsafe fn clamped(self, low: Self, high: Self) -> Self {
            // Both give their second operand where one is NaN.
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe { _mm512_min_ps(high, _mm512_max_ps(low, self)) }
        }
    }

    #[inline(always)]
    fn mask(count: usize) -> __mmask16 {
        ((1u32 << count.min(16)) - 1) as __mmask16
    }

    impl Vector for __m256 {
        const LEN: usize = 8;
        /// All bits of an element, or none.
        type Mask = [i32; 8];

        #[inline(always)]
        fn mask(low: usize, high: usize) -> [i32; 8] {
            std::array::from_fn(|i| -i32::from(i >= low && i < high))
        }
        #[inline(always)]
        unsafe fn load_masked(from: *const f32, mask: [i32; 8]) -> Self {
            // SAFETY: the caller promises the instructions, and that the elements of the mask are readable.
            unsafe { _mm256_maskload_ps(from, _mm256_loadu_si256(mask.as_ptr().cast())) }
        }
        #[inline(always)]
        unsafe fn evens(self, next: Self) -> Self {
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe {
                // Takes pairs by halves; the quarters in the middle then change places.
                let shuffled = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(self, next));
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(shuffled))
            }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe { _mm256_set1_ps(value) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller promises the instructions, and `LEN` readable elements.
            unsafe { _mm256_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn load_first(from: *const f32, count: usize) -> Self {
            // SAFETY: the caller promises the instructions, and `count` readable elements; the others are not read.
            unsafe { _mm256_maskload_ps(from, first(count)) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller promises the instructions, and `LEN` writable elements.
            unsafe { _mm256_storeu_ps(to, self) }
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            // SAFETY: the caller promises the instructions, and `count` writable elements; the others are not written.
            unsafe { _mm256_maskstore_ps(to, first(count), self) }
        }
        #[inline(always)]
        unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe { _mm256_fmadd_ps(self, factor, sum) }
        }
        #[inline(always)]
        unsafe fn clamped(self, low: Self, high: Self) -> Self {
            // SAFETY: the caller promises the instructions; no memory is touched.
            unsafe { _mm256_min_ps(high, _mm256_max_ps(low, self)) }
        }
    }

    #[inline(always)]
    unsafe fn first(count: usize) -> __m256i {
        // SAFETY: the caller promises the instructions; no memory is touched.
        unsafe {
            let places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(8) as i32), places)
        }
    }
}

/// Vectors of any processor; the compiler makes of them what it can.
impl Vector for [f32; 4] {
    const LEN: usize = 4;
    type Mask = [bool; 4];

    #[inline(always)]
    fn mask(low: usize, high: usize) -> [bool; 4] {
        std::array::from_fn(|i| i >= low && i < high)
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: [bool; 4]) -> Self {
        // SAFETY: the caller promises the instructions, and that the elements of the mask are readable.
        std::array::from_fn(|i| if mask[i] { unsafe { *from.wrapping_add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn evens(self, next: Self) -> Self {
        [self[0], self[2], next[0], next[2]]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller promises the instructions, and `LEN` readable elements.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller promises the instructions, and `count` readable elements; the others are not read.
        std::array::from_fn(|i| if i < count { unsafe { *from.add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller promises the instructions, and `LEN` writable elements.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        for (i, v) in self.into_iter().enumerate().take(count) {
            // SAFETY: the caller promises the instructions, and `count` writable elements; the others are not written.
            unsafe { to.add(i).write(v) }
        }
    }
    #[inline(always)]
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
        std::array::from_fn(|i| {
            // A fused product is one instruction there, and a slow call elsewhere.
            if cfg!(target_arch = "aarch64") {
                self[i].mul_add(factor[i], sum[i])
            } else {
                self[i] * factor[i] + sum[i]
            }
        })
    }
    #[inline(always)]
    unsafe fn clamped(self, low: Self, high: Self) -> Self {
        std::array::from_fn(|i| {
            let v = if self[i] < low[i] { low[i] } else { self[i] };
            if v > high[i] { high[i] } else { v }
        })
    }
}
