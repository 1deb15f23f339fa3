//! Convolutions, matrix products, pooling and elementwise operations of 8- and 16-bit integers, channels last.
//!
//! Sums are bit-identical to the definition's, including the ends of an accumulator ([`End`]). Products of 16-bit
//! integers are summed in pairs in 32 bits; sums that a vector could not hold exactly are found when a kernel is
//! prepared, and computed one by one.
//!
//! Never: the accumulators of a chip, the choice of kernel for a node.

pub mod conv;
mod copy;
mod dense;
mod depthwise;
pub mod elementwise;
pub mod end;
pub mod finish;
mod outputs;
pub mod pool;

#[cfg(test)]
mod tests;

pub use conv::{Conv, Filters, Shape};
pub use end::End;
pub use finish::Finish;

/// Integers that kernels read and write: int8 and int16.
pub trait Integer: Copy + Ord + Default + Send + Sync + 'static {
    /// Width: 8 or 16.
    const BITS: u32;
    /// Smallest value.
    const MIN: i32;
    /// Largest value.
    const MAX: i32;

    /// Widens to 64 bits, in which no sum overflows.
    fn wide(self) -> i64;
    /// Widens to 16 bits, the operands of paired products.
    fn short(self) -> i16;
    /// Saturates to the type's range.
    fn clamp_from(value: i64) -> Self;
    /// Like [`Integer::clamp_from`], from 32 bits, of which vectors hold more.
    fn clamp_from_32(value: i32) -> Self;
    /// [`Conv::run`], compiled in this crate.
    fn convolve(conv: &Conv, x: &[Self]) -> crate::Result<Vec<Self>>;
}

macro_rules! integer {
    ($($type:ident)*) => {$(impl Integer for $type {
        const BITS: u32 = $type::BITS;
        const MIN: i32 = $type::MIN as i32;
        const MAX: i32 = $type::MAX as i32;

        #[inline(always)]
        fn wide(self) -> i64 {
            self.into()
        }
        #[inline(always)]
        fn short(self) -> i16 {
            self.into()
        }
        #[inline(always)]
        fn clamp_from(value: i64) -> Self {
            // Lossless: clamped to the type's range.
            value.clamp($type::MIN.into(), $type::MAX.into()) as $type
        }
        #[inline(always)]
        fn clamp_from_32(value: i32) -> Self {
            // Lossless: clamped to the type's range.
            value.clamp($type::MIN.into(), $type::MAX.into()) as $type
        }
        fn convolve(conv: &Conv, x: &[Self]) -> crate::Result<Vec<Self>> {
            conv::run(conv, x)
        }
    })*};
}

integer!(i8 i16);
