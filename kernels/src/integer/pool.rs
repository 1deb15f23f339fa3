//! Pooling of integers, channels last.

use super::Integer;
use crate::simd::multiversion;

multiversion! {
    /// Adds each element to its sum.
    pub fn add[T: Integer](sums: &mut [i32], x: &[T]) {
        sums.iter_mut().zip(x).for_each(|(sum, x)| *sum = sum.wrapping_add(i32::from(x.short())));
    }

    /// Keeps the larger element of each pair.
    pub fn larger[T: Integer](most: &mut [T], x: &[T]) {
        most.iter_mut().zip(x).for_each(|(most, &x)| *most = x.max(*most));
    }
}
