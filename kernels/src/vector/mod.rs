//! Vectors of float32 and of integers for kernels that hold their sums in registers.
//!
//! A kernel is written once over [`Instructions`]; `simd::at` compiles it for each set, with all methods inlined. Each
//! instruction set has one file here.
//!
//! Never: detection of the processor's set (`simd`), kernels.

/// Defines methods of [`Floats`] and [`Integers`], which inline into the kernel that calls them.
macro_rules! methods {
    ($(unsafe fn $name:ident($($arguments:tt)*) $(-> $result:ty)? $body:block)*) => {$(
        #[inline(always)]
        #[allow(unused_unsafe)] // Arrays need no instructions.
        unsafe fn $name($($arguments)*) $(-> $result)? {
            // SAFETY: the caller guarantees the instructions and the elements that the trait names.
            unsafe { $body }
        }
    )*};
}

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
#[cfg(target_arch = "aarch64")]
pub mod neon;
pub mod portable;

/// An instruction set.
pub(super) trait Instructions {
    /// Vector registers; kernels derive from them the number of sums to hold.
    const REGISTERS: usize;
    /// Vectors of float32.
    type Floats: Floats;
    /// Vectors of eight float32 numbers if the set has them, else `Floats`.
    type EightFloats: Floats;
    /// Vectors of int32 sums.
    type Integers: Integers;
    /// Vectors of eight int32 sums if the set has them, else `Integers`.
    type EightIntegers: Integers;
}

/// Vector of float32 numbers.
///
/// # Safety
///
/// The caller of a method guarantees two things: the processor has the vector's instructions, and the elements that the
/// method names at a pointer can be read or written. They need not be aligned.
pub(super) trait Floats: Copy {
    /// Elements of a vector.
    const LEN: usize;
    /// Elements to load.
    type Mask: Copy;

    /// Fills a vector with `value`.
    unsafe fn splat(value: f32) -> Self;
    /// Loads `LEN` elements.
    unsafe fn load(from: *const f32) -> Self;
    /// Loads the first `count` elements, then zeros; only those are read.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;
    /// Mask of the elements `low..high`; both are at most `LEN`.
    fn mask(low: usize, high: usize) -> Self::Mask;
    /// Loads the elements of the mask, zeros elsewhere; only those have to be readable.
    unsafe fn load_masked(from: *const f32, mask: Self::Mask) -> Self;
    /// Even elements of both vectors, concatenated.
    unsafe fn evens(self, next: Self) -> Self;
    /// Writes all elements.
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `count` elements and nothing after them.
    unsafe fn store_first(self, to: *mut f32, count: usize);
    /// `self * factor + sum`.
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self;
    /// At least `low`, then at most `high`; NaN stays NaN.
    unsafe fn clamped(self, low: Self, high: Self) -> Self;
}

/// Vector of int32 sums, and pairs of int16 whose products are added to them. Sums wrap at 32 bits.
///
/// # Safety
///
/// Those of [`Floats`].
pub(super) trait Integers: Copy {
    /// Sums of a vector.
    const LEN: usize;
    /// Vector of as many pairs as sums.
    type Pairs: Copy;

    /// Fills a vector with zeros.
    unsafe fn zero() -> Self;
    /// Loads `LEN` sums.
    unsafe fn load(from: *const i32) -> Self;
    /// Writes all sums.
    unsafe fn store(self, to: *mut i32);
    /// Loads `LEN` pairs.
    unsafe fn pairs(from: *const i16) -> Self::Pairs;
    /// Fills a vector with one pair.
    unsafe fn pair(from: *const i16) -> Self::Pairs;
    /// Interleaves elements of `a` and `b` to `2 * LEN` pairs, in the order that [`Integers::unwoven`] reverses.
    unsafe fn woven(a: *const i16, b: *const i16) -> [Self::Pairs; 2];
    /// Reorders sums of products of interleaved pairs to the order of their elements.
    unsafe fn unwoven(sums: [Self; 2]) -> [Self; 2];
    /// Adds sum by sum.
    unsafe fn plus(self, other: Self) -> Self;
    /// Adds to each sum the product of the pair's first elements and that of its second ones.
    unsafe fn plus_products(self, a: Self::Pairs, b: Self::Pairs) -> Self;
}
