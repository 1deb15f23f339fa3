//! Outputs of a block of filters: initial values of their sums, checks for overflow on the way, and conversion to
//! outputs.

use super::finish::{Finish, Shifts};
use super::{End, Filters, Integer};
use crate::simd::multiversion;
use crate::{Result, bail};

/// Filters of a block.
pub(super) const LANES: usize = 16;

/// Overflow checks of a block's sums, so that no sum passes an accumulator's end unnoticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Watch {
    /// No checks: no sum can reach its end.
    None,
    /// Sums are checked after a number of steps; an output with a sum that could reach its end before the next check is
    /// computed step by step.
    Looks,
    /// All outputs are computed step by step.
    Always,
}

/// Initial values of a block's sums, and the smallest and largest values of their accumulators.
pub(super) struct Ends {
    pub bias: [i64; LANES],
    pub low: [i64; LANES],
    pub high: [i64; LANES],
}

impl Ends {
    /// Returns `true` if a sum plus one more product of int8 fits 32 bits.
    pub fn are_narrow(&self) -> bool {
        self.high.iter().all(|&high| high < 1 << 30)
    }
}

pub(super) struct Block {
    pub first: usize,
    /// Filters of this block; fewer than [`LANES`] in the last one.
    pub count: usize,
    pub ends: Ends,
    pub watch: Watch,
    /// Largest change of each sum from one check to the next.
    pub moves: Vec<[i64; LANES]>,
    /// `None` if sums are finished one by one.
    shifts: Option<Shifts>,
}

impl Block {
    /// Prepares a block. `sizes` are the sums of each filter's absolute weights.
    pub fn new<T: Integer>(filters: &Filters, finish: &Finish, first: usize, sizes: &[i64; LANES]) -> Result<Block> {
        let count = (filters.bias.len() - first).min(LANES);
        let mut ends = Ends { bias: [0; LANES], low: [0; LANES], high: [0; LANES] };
        let (mut watch, mut most) = (Watch::None, [0i64; LANES]);
        for lane in 0..count {
            let end = (filters.end)(first + lane);
            ends.bias[lane] = end.load(filters.bias[first + lane]);
            (ends.low[lane], ends.high[lane]) = end.range();
            let largest = -i64::from(T::MIN);
            let sum = sizes[lane].saturating_mul(largest).saturating_add(ends.bias[lane].saturating_abs());
            let narrow = T::BITS == 8;
            if end == End::Wraps32 && !narrow {
                bail!("32 bits do not hold products of 16-bit integers");
            }
            let is_exact = !narrow || sum < 1 << 31;
            let own = match end.limit() {
                _ if end == End::Wraps32 => Watch::None,
                Some(limit) if sum < limit && is_exact => Watch::None,
                // A change that moves a small accumulator to its end does not overflow a vector's 32 bits.
                Some(limit) if !narrow || limit <= 1 << 29 => Watch::Looks,
                None if is_exact => Watch::None,
                _ => Watch::Always,
            };
            watch = watch.max(own);
            most[lane] = sum.min(end.limit().unwrap_or(if end == End::Wraps32 { 1 << 31 } else { i64::MAX }));
        }
        let shifts = Shifts::new(finish, first, &most, T::BITS == 8);
        Ok(Block { first, count, ends, watch, moves: Vec::new(), shifts })
    }

    /// Marks the outputs with a sum that could reach its end by changing up to `moves`.
    pub fn look<S: Sum>(&self, moves: &[i64; LANES], sums: &[[S; LANES]], marks: &mut [bool]) {
        let room: [i64; LANES] = std::array::from_fn(|lane| self.ends.high[lane].saturating_sub(moves[lane]));
        S::look(&room, sums, marks);
    }

    /// Writes outputs from sums; rows of `to`, which begins at the block's first filter, are `stride` apart.
    pub fn finish<T: Integer, S: Sum>(&self, finish: &Finish, sums: &[[S; LANES]], to: &mut [T], stride: usize) {
        match &self.shifts {
            Some(shifts) => S::finish(shifts, sums, to, stride, self.count),
            None => {
                let rows = sums.iter().zip(to.chunks_mut(stride));
                rows.for_each(|(sums, to)| self.single(finish, &sums.map(S::wide), to));
            }
        }
    }

    /// Writes one output of each filter, one by one.
    pub fn single<T: Integer>(&self, finish: &Finish, sums: &[i64; LANES], to: &mut [T]) {
        let outputs = to.iter_mut().zip(sums).take(self.count).enumerate();
        outputs.for_each(|(lane, (to, &sum))| *to = finish.one(sum, self.first + lane));
    }
}

/// Type of sums: 32 bits, which hold the products of int8, or 64.
pub(super) trait Sum: Copy {
    fn wide(self) -> i64;
    /// Marks the rows with a sum that is further from 0 than its room.
    fn look(room: &[i64; LANES], sums: &[[Self; LANES]], marks: &mut [bool]);
    fn finish<T: Integer>(shifts: &Shifts, sums: &[[Self; LANES]], to: &mut [T], stride: usize, count: usize);
}

impl Sum for i32 {
    fn wide(self) -> i64 {
        self.into()
    }
    fn look(room: &[i64; LANES], sums: &[[i32; LANES]], marks: &mut [bool]) {
        look_narrow(room, sums, marks);
    }
    fn finish<T: Integer>(shifts: &Shifts, sums: &[[i32; LANES]], to: &mut [T], stride: usize, count: usize) {
        shifts.narrow(sums, to, stride, count);
    }
}

impl Sum for i64 {
    fn wide(self) -> i64 {
        self
    }
    fn look(room: &[i64; LANES], sums: &[[i64; LANES]], marks: &mut [bool]) {
        look_wide(room, sums, marks);
    }
    fn finish<T: Integer>(shifts: &Shifts, sums: &[[i64; LANES]], to: &mut [T], stride: usize, count: usize) {
        shifts.wide(sums, to, stride, count);
    }
}

multiversion! {
    fn look_narrow(room: &[i64; LANES], sums: &[[i32; LANES]], marks: &mut [bool]) {
        // Negative room marks every sum. No 32-bit sum exceeds room above 32 bits.
        let room = room.map(|r| r.clamp(-1, i32::MAX.into()) as i32);
        for (sums, mark) in sums.iter().zip(marks) {
            let mut full = 0;
            for lane in 0..LANES {
                full |= i32::from(sums[lane].saturating_abs() > room[lane]);
            }
            *mark |= full != 0;
        }
    }

    fn look_wide(room: &[i64; LANES], sums: &[[i64; LANES]], marks: &mut [bool]) {
        for (sums, mark) in sums.iter().zip(marks) {
            let mut full = 0;
            for lane in 0..LANES {
                full |= i32::from(sums[lane].saturating_abs() > room[lane]);
            }
            *mark |= full != 0;
        }
    }
}
