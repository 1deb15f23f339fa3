//! Conversion of a finished sum to an output: a rounded shift, Relu, and the type's range.

use super::Integer;
use super::outputs::LANES;
use crate::rounding::Rounding;
use crate::simd::multiversion;

/// `value / 2^distance`, rounded; if the distance is negative, a saturating left shift.
pub fn shift(value: i64, distance: i32, rounding: Rounding) -> i64 {
    let bits = distance.unsigned_abs();
    if distance <= 0 {
        return i64::try_from(i128::from(value) << bits.min(63)).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
    }
    if bits > 62 {
        return 0;
    }
    let half = 1i64 << (bits - 1);
    match rounding {
        Rounding::HalfUp => value.saturating_add(half) >> bits,
        Rounding::HalfEven => {
            let (whole, rest) = (value >> bits, value & ((1i64 << bits) - 1));
            whole + i64::from(rest > half || (rest == half && whole & 1 == 1))
        }
    }
}

/// Shift, rounding and Relu that turn a sum into an output.
#[derive(Debug, Clone)]
pub struct Finish {
    /// Rounding mode of the shift.
    pub rounding: Rounding,
    /// Set if negative outputs become 0.
    pub relu: bool,
    /// Right shifts, in bits: one, or one per filter.
    pub shifts: Vec<i32>,
}

impl Finish {
    /// Returns the right shift of a filter, in bits; 0 if it has none.
    fn distance(&self, filter: usize) -> i32 {
        let own = if self.shifts.len() == 1 { self.shifts.first() } else { self.shifts.get(filter) };
        own.copied().unwrap_or(0)
    }

    /// Converts one filter's sum to an output, saturated to the type's range.
    pub(super) fn one<T: Integer>(&self, sum: i64, filter: usize) -> T {
        let shifted = shift(sum, self.distance(filter), self.rounding);
        T::clamp_from(if self.relu { shifted.max(0) } else { shifted })
    }
}

/// Shifts of a block of outputs for vectors: `(sum + add + ((sum >> bits) & odd)) >> bits`.
///
/// With `add` half a unit and `odd` 0 this rounds a half up. With `add` one less and `odd` 1 it rounds a half to even:
/// a remainder above one half carries, one half carries if the quotient is odd, and less never carries, since it is
/// short by 2 at least.
pub(super) struct Shifts {
    add: [i64; LANES],
    odd: [i64; LANES],
    bits: [u32; LANES],
    low: i32,
}

impl Shifts {
    /// Returns `None` if a vector cannot hold the intermediate values. `most` is the largest absolute value of each
    /// sum.
    pub fn new(finish: &Finish, first: usize, most: &[i64; LANES], narrow: bool) -> Option<Shifts> {
        let mut shifts =
            Shifts { add: [0; LANES], odd: [0; LANES], bits: [0; LANES], low: if finish.relu { 0 } else { i32::MIN } };
        // A unit of twice the largest sum or more rounds every sum to 0, and so does the largest shift that a vector
        // has.
        let (largest, room) = if narrow { (31, i64::from(i32::MAX)) } else { (62, i64::MAX) };
        for (lane, &most) in most.iter().enumerate() {
            let bits = u32::try_from(finish.distance(first + lane)).ok()?.min(largest);
            let half = if bits == 0 { 0 } else { 1i64 << (bits - 1) };
            let even = finish.rounding == Rounding::HalfEven && bits > 0;
            (shifts.add[lane], shifts.odd[lane], shifts.bits[lane]) = (half - i64::from(even), even.into(), bits);
            most.checked_add(half).filter(|&m| m <= room && (bits < largest || most < half))?;
        }
        Some(shifts)
    }

    /// Writes the first `count` outputs of each row of sums; rows of `to` are `stride` apart.
    pub fn narrow<T: Integer>(&self, sums: &[[i32; LANES]], to: &mut [T], stride: usize, count: usize) {
        finish_narrow(self, sums, to, stride, count);
    }

    /// Like [`Shifts::narrow`], for 64-bit sums.
    pub fn wide<T: Integer>(&self, sums: &[[i64; LANES]], to: &mut [T], stride: usize, count: usize) {
        finish_wide(self, sums, to, stride, count);
    }
}

multiversion! {
    fn finish_narrow[T: Integer](s: &Shifts, sums: &[[i32; LANES]], to: &mut [T], stride: usize, count: usize) {
        // Lossless: `Shifts::new` limits them to 32 bits.
        let (add, odd) = (s.add.map(|v| v as i32), s.odd.map(|v| v as i32));
        for (sums, to) in sums.iter().zip(to.chunks_mut(stride)) {
            let one = |i: usize| {
                let sum = sums[i];
                let whole = sum.wrapping_shr(s.bits[i]);
                T::clamp_from_32((sum.wrapping_add(add[i]).wrapping_add(whole & odd[i])).wrapping_shr(s.bits[i]).max(s.low))
            };
            let made: [T; LANES] = std::array::from_fn(one);
            match to.first_chunk_mut::<LANES>() {
                Some(to) if count == LANES => *to = made,
                _ => to[..count].copy_from_slice(&made[..count]),
            }
        }
    }

    fn finish_wide[T: Integer](s: &Shifts, sums: &[[i64; LANES]], to: &mut [T], stride: usize, count: usize) {
        let low = i64::from(s.low.max(T::MIN));
        for (sums, to) in sums.iter().zip(to.chunks_mut(stride)) {
            let one = |i: usize| {
                let sum = sums[i];
                let whole = sum.wrapping_shr(s.bits[i]);
                let shifted = sum.wrapping_add(s.add[i]).wrapping_add(whole & s.odd[i]).wrapping_shr(s.bits[i]);
                T::clamp_from(shifted.max(low))
            };
            let made: [T; LANES] = std::array::from_fn(one);
            match to.first_chunk_mut::<LANES>() {
                Some(to) if count == LANES => *to = made,
                _ => to[..count].copy_from_slice(&made[..count]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up_or_to_even() {
        let shifted = |rounding| [-6, -3, -2, 2, 3, 6, 10].map(|v| shift(v, 2, rounding));
        assert_eq!(shifted(Rounding::HalfUp), [-1, -1, 0, 1, 1, 2, 3]);
        assert_eq!(shifted(Rounding::HalfEven), [-2, -1, 0, 0, 1, 2, 2]);
    }

    #[test]
    fn a_negative_distance_goes_left() {
        assert_eq!(shift(-3, -2, Rounding::HalfUp), -12);
        assert_eq!(shift(-3, -70, Rounding::HalfUp), i64::MIN);
    }

    #[test]
    fn vectors_round_as_single_sums_do() {
        for rounding in [Rounding::HalfUp, Rounding::HalfEven] {
            for distance in [0, 1, 2, 7, 30, 31, 40, 62, 80] {
                let finish = Finish { rounding, relu: false, shifts: vec![distance] };
                let sums: Vec<[i32; LANES]> = (-40i32..40)
                    .map(|n| std::array::from_fn(|i| (n * 16 + i as i32) << (distance / 2).min(18)))
                    .collect();
                let wide: Vec<[i64; LANES]> = sums.iter().map(|s| s.map(i64::from)).collect();
                let expected: Vec<i8> = wide.iter().flatten().map(|&s| finish.one(s, 0)).collect();
                let mut made = vec![0i8; expected.len()];
                let most = [1 << 29; LANES];
                Shifts::new(&finish, 0, &most, true).unwrap().narrow(&sums, &mut made, LANES, LANES);
                assert_eq!(made, expected, "{rounding:?} {distance}");
                made.fill(0);
                Shifts::new(&finish, 0, &most, false).unwrap().wide(&wide, &mut made, LANES, LANES);
                assert_eq!(made, expected, "{rounding:?} {distance}");
            }
        }
    }

    #[test]
    fn what_32_bits_cannot_hold_is_left_to_single_sums() {
        let finish = |shift| Finish { rounding: Rounding::HalfUp, relu: false, shifts: vec![shift] };
        let most = [i64::from(i32::MAX) - 3; LANES];
        assert!(Shifts::new(&finish(2), 0, &most, true).is_some());
        assert!(Shifts::new(&finish(4), 0, &most, true).is_none());
        assert!(Shifts::new(&finish(-1), 0, &most, true).is_none());
    }
}
