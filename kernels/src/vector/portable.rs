//! Vectors for any processor, left to the compiler's vectorization.

use super::{Floats, Instructions, Integers};

pub struct Portable;

impl Instructions for Portable {
    const REGISTERS: usize = 16;
    type Floats = [f32; 4];
    type EightFloats = [f32; 4];
    type Integers = [i32; 4];
    type EightIntegers = [i32; 4];
}

impl Floats for [f32; 4] {
    const LEN: usize = 4;
    type Mask = [bool; 4];

    #[inline(always)]
    fn mask(low: usize, high: usize) -> [bool; 4] {
        std::array::from_fn(|i| i >= low && i < high)
    }

    methods! {
        unsafe fn load_masked(from: *const f32, mask: [bool; 4]) -> Self {
            std::array::from_fn(|i| if mask[i] { *from.wrapping_add(i) } else { 0.0 })
        }
        unsafe fn evens(self, next: Self) -> Self {
            [self[0], self[2], next[0], next[2]]
        }
        unsafe fn splat(value: f32) -> Self {
            [value; 4]
        }
        unsafe fn load(from: *const f32) -> Self {
            from.cast::<[f32; 4]>().read_unaligned()
        }
        unsafe fn load_first(from: *const f32, count: usize) -> Self {
            std::array::from_fn(|i| if i < count { *from.add(i) } else { 0.0 })
        }
        unsafe fn store(self, to: *mut f32) {
            to.cast::<[f32; 4]>().write_unaligned(self)
        }
        unsafe fn store_first(self, to: *mut f32, count: usize) {
            for (i, v) in self.into_iter().enumerate().take(count) {
                to.add(i).write(v)
            }
        }
        unsafe fn times_plus(self, factor: Self, sum: Self) -> Self {
            std::array::from_fn(|i| self[i] * factor[i] + sum[i])
        }
        unsafe fn clamped(self, low: Self, high: Self) -> Self {
            std::array::from_fn(|i| {
                let v = if self[i] < low[i] { low[i] } else { self[i] };
                if v > high[i] { high[i] } else { v }
            })
        }
    }
}

impl Integers for [i32; 4] {
    const LEN: usize = 4;
    type Pairs = [[i16; 2]; 4];

    methods! {
        unsafe fn zero() -> Self {
            [0; 4]
        }
        unsafe fn plus(self, other: Self) -> Self {
            std::array::from_fn(|i| self[i].wrapping_add(other[i]))
        }
        unsafe fn load(from: *const i32) -> Self {
            from.cast::<[i32; 4]>().read_unaligned()
        }
        unsafe fn store(self, to: *mut i32) {
            to.cast::<[i32; 4]>().write_unaligned(self)
        }
        unsafe fn pairs(from: *const i16) -> Self::Pairs {
            from.cast::<Self::Pairs>().read_unaligned()
        }
        unsafe fn pair(from: *const i16) -> Self::Pairs {
            [from.cast::<[i16; 2]>().read_unaligned(); 4]
        }
        unsafe fn woven(a: *const i16, b: *const i16) -> [Self::Pairs; 2] {
            let (a, b) = (a.cast::<[i16; 8]>().read_unaligned(), b.cast::<[i16; 8]>().read_unaligned());
            [std::array::from_fn(|i| [a[i], b[i]]), std::array::from_fn(|i| [a[4 + i], b[4 + i]])]
        }
        unsafe fn unwoven(sums: [Self; 2]) -> [Self; 2] {
            sums
        }
        unsafe fn plus_products(self, a: Self::Pairs, b: Self::Pairs) -> Self {
            // A product of two int16 fits an int32.
            let product = |i: usize, k: usize| i32::from(a[i][k]) * i32::from(b[i][k]);
            std::array::from_fn(|i| self[i].wrapping_add(product(i, 0)).wrapping_add(product(i, 1)))
        }
    }
}
