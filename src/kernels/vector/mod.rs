//! Vectors of float32 and of integers for kernels that hold their sums in registers.
//!
//! A kernel is written once over [`Instructions`]; `simd::at` compiles it for each set, and all methods inline into that.
//! An instruction set is one file here.
//!
//! Never: which set a processor has (`simd`), nor kernels.

/// Defines methods of [`Floats`] and [`Integers`], which inline into the kernel that calls them.
macro_rules! methods {
    ($(unsafe fn $name:ident($($arguments:tt)*) $(-> $result:ty)? $body:block)*) => {$(
        #[inline(always)]
        #[allow(unused_unsafe)] // Arrays need no instructions.
        unsafe fn $name($($arguments)*) $(-> $result)? {
            // SAFETY: the caller promises the instructions and the elements that the trait names.
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
    /// Vector registers, by which kernels choose how many sums to hold.
    const REGISTERS: usize;
    /// Vectors of float32.
    type Floats: Floats;
    /// Vectors of eight float32 numbers where the set has them, else `Floats`.
    type EightFloats: Floats;
    /// Vectors of int32 sums.
    type Integers: Integers;
    /// Vectors of eight int32 sums where the set has them, else `Integers`.
    type EightIntegers: Integers;
}

/// Some float32 numbers side by side.
///
/// # Safety
///
/// The caller of a method promises two things: the processor has the vector's instructions, and the elements that the
/// method names at a pointer can be read or written. They need not be aligned.
pub(super) trait Floats: Copy {
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

/// Some int32 sums side by side, and pairs of int16 whose products are added to them. Sums wrap at 32 bits.
///
/// # Safety
///
/// As for [`Floats`].
pub(super) trait Integers: Copy {
    /// Sums of a vector.
    const LEN: usize;
    /// As many pairs as sums.
    type Pairs: Copy;

    /// `LEN` times 0.
    unsafe fn zero() -> Self;
    /// `LEN` sums.
    unsafe fn load(from: *const i32) -> Self;
    /// Writes all sums.
    unsafe fn store(self, to: *mut i32);
    /// `LEN` pairs.
    unsafe fn pairs(from: *const i16) -> Self::Pairs;
    /// One pair, `LEN` times.
    unsafe fn pair(from: *const i16) -> Self::Pairs;
    /// Pairs of an element of `a` and the same of `b`, `2 * LEN` of them, in the order that [`Integers::unwoven`] undoes.
    unsafe fn woven(a: *const i16, b: *const i16) -> [Self::Pairs; 2];
    /// Sums of products of woven pairs, in the order of their elements.
    unsafe fn unwoven(sums: [Self; 2]) -> [Self; 2];
    /// Sum by sum.
    unsafe fn plus(self, other: Self) -> Self;
    /// `self`, plus the product of each pair's first elements, plus that of its second ones.
    unsafe fn plus_products(self, a: Self::Pairs, b: Self::Pairs) -> Self;
}
