//! Vectors of float32 and of integers for kernels that hold their sums in registers.
//!
//! A kernel is written once over [`Instructions`]; `simd::at` compiles it for each set, and all methods inline into that.
//! An instruction set is one file here.
//!
//! Never: which set a processor has (`simd`), nor kernels.

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
#[cfg(target_arch = "aarch64")]
pub mod neon;
pub mod portable;

/// An instruction set.
pub(super) trait Instructions {
    /// Vector registers, by which kernels choose how many sums to hold.
    const REGISTERS: usize;
    type Floats: Floats;
    /// Eight float32 numbers where the set has such vectors, else `Floats`.
    type EightFloats: Floats;
    type Integers: Integers;
    /// Eight int32 numbers where the set has such vectors, else `Integers`.
    type EightIntegers: Integers;
}

/// Some float32 numbers side by side.
///
/// # Safety
///
/// Methods may only run where the processor has the vector's instructions; pointers must be valid
/// for the elements they name.
pub(super) trait Floats: Copy {
    const LEN: usize;
    /// Which elements to load.
    type Mask: Copy;

    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// The first `count` elements, then zeros.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;
    /// Elements `low..high`; both at most `LEN`.
    fn mask(low: usize, high: usize) -> Self::Mask;
    /// The elements of the mask, zeros elsewhere; only they have to be readable.
    unsafe fn load_masked(from: *const f32, mask: Self::Mask) -> Self;
    /// The even elements of the two, side by side.
    unsafe fn evens(self, next: Self) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn store_first(self, to: *mut f32, count: usize);
    /// `self * factor + sum`.
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self;
    /// At least `low`, then at most `high`; NaN stays.
    unsafe fn clamped(self, low: Self, high: Self) -> Self;
}

/// Some int32 sums side by side, and pairs of int16 whose products are added to them. Sums wrap at 32 bits.
///
/// # Safety
///
/// Methods may only run where the processor has the vector's instructions; pointers must be valid
/// for the elements they name. No pointer has to be aligned.
pub(super) trait Integers: Copy {
    const LEN: usize;
    /// As many pairs as sums.
    type Pairs: Copy;

    unsafe fn zero() -> Self;
    unsafe fn load(from: *const i32) -> Self;
    unsafe fn store(self, to: *mut i32);
    /// `LEN` pairs.
    unsafe fn pairs(from: *const i16) -> Self::Pairs;
    /// One pair, `LEN` times.
    unsafe fn pair(from: *const i16) -> Self::Pairs;
    /// Pairs of an element of `a` and the same of `b`, `2 * LEN` of them, in the order that [`Integers::unwoven`] undoes.
    unsafe fn woven(a: *const i16, b: *const i16) -> [Self::Pairs; 2];
    /// Sums of products of woven pairs, in the order of their elements.
    unsafe fn unwoven(sums: [Self; 2]) -> [Self; 2];
    unsafe fn plus(self, other: Self) -> Self;
    /// `self`, plus the product of each pair's first elements, plus that of its second ones.
    unsafe fn plus_products(self, a: Self::Pairs, b: Self::Pairs) -> Self;
}
