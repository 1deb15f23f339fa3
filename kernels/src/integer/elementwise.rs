//! Elementwise operations on integers: sums, products, shifts, lookup tables.

use super::Integer;
use crate::rounding::Rounding;
use crate::simd::multiversion;

/// Right shift of a 32-bit value, with rounding.
#[derive(Debug, Clone, Copy)]
pub struct Shift {
    add: i32,
    odd: i32,
    bits: u32,
}

impl Shift {
    /// Returns `None` if a product of two 16-bit integers plus half a unit does not fit 32 bits.
    pub fn new(distance: i32, rounding: Rounding) -> Option<Shift> {
        let bits = u32::try_from(distance).ok().filter(|&bits| bits <= 30)?;
        let half = if bits == 0 { 0 } else { 1i32 << (bits - 1) };
        let even = i32::from(rounding == Rounding::HalfEven && bits > 0);
        Some(Shift { add: half - even, odd: even, bits })
    }

    /// Shifts and rounds like `finish::Shifts`.
    #[inline(always)]
    pub fn of(self, value: i32) -> i32 {
        let whole = value.wrapping_shr(self.bits);
        value.wrapping_add(self.add).wrapping_add(whole & self.odd).wrapping_shr(self.bits)
    }
}

/// One operand of a run of elements.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a, T> {
    /// One value for each element of the run.
    Each(&'a [T]),
    /// One value for all elements.
    One(T),
}

impl<T: Copy> Operand<'_, T> {
    /// Element `i` of the run, which must be in range.
    pub fn at(&self, i: usize) -> T {
        match self {
            Operand::Each(values) => values[i],
            Operand::One(value) => *value,
        }
    }
}

/// Writes `op` of each pair of elements, saturated to the type's range.
pub fn zip<T: Integer>(a: Operand<T>, b: Operand<T>, to: &mut [T], op: impl Fn(i32, i32) -> i32 + Copy) {
    match (a, b) {
        (Operand::Each(a), Operand::Each(b)) => each_each(a, b, to, op),
        (Operand::Each(a), Operand::One(b)) => map(a, to, |a| op(a, b.short().into())),
        (Operand::One(a), Operand::Each(b)) => map(b, to, |b| op(a.short().into(), b)),
        (Operand::One(a), Operand::One(b)) => to.fill(T::clamp_from_32(op(a.short().into(), b.short().into()))),
    }
}

/// Writes the rounded, shifted product of each pair of elements.
pub fn multiply<T: Integer>(a: Operand<T>, b: Operand<T>, to: &mut [T], shift: Shift) {
    zip(a, b, to, |a, b| shift.of(a * b));
}

/// Writes the rounded, shifted elements, at least `low`.
pub fn shifted<T: Integer>(x: &[T], to: &mut [T], shift: Shift, low: i32) {
    map(x, to, |x| shift.of(x.max(low)));
}

multiversion! {
    /// Writes `op` of each element, saturated to the type's range.
    pub fn map[T: Integer](x: &[T], to: &mut [T], op: impl Fn(i32) -> i32 + Copy) {
        to.iter_mut().zip(x).for_each(|(to, x)| *to = T::clamp_from_32(op(x.short().into())));
    }

    fn each_each[T: Integer](a: &[T], b: &[T], to: &mut [T], op: impl Fn(i32, i32) -> i32 + Copy) {
        for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
            *to = T::clamp_from_32(op(a.short().into(), b.short().into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integer::finish::shift;

    #[test]
    fn products_are_rounded_as_single_ones() {
        for rounding in [Rounding::HalfUp, Rounding::HalfEven] {
            for distance in [0, 1, 9, 30] {
                let all: Vec<i16> = (-100..100).map(|i| i * 327).chain([i16::MIN, i16::MAX]).collect();
                let other: Vec<i16> = all.iter().rev().copied().collect();
                let mut made = vec![0i16; all.len()];
                let by = Shift::new(distance, rounding).unwrap();
                multiply(Operand::Each(&all), Operand::Each(&other), &mut made, by);
                let single = |(&a, &b): (&i16, &i16)| i16::clamp_from(shift(a.wide() * b.wide(), distance, rounding));
                assert_eq!(made, all.iter().zip(&other).map(single).collect::<Vec<i16>>());
            }
        }
    }
}
