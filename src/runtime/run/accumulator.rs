//! Where sums end on each chip, and how they become an output.
//!
//! The S3 adds int8 products in 16 lanes of 20 bits, bias first, and saturates at each step; filters that
//! fill no block of lanes go through one accumulator of 40 bits, as does all int16 (`base/isa/tie728`: `QACC`, `ACCX`).
//! The P4's lanes have 32 bits for int8; the portable code's sums wrap at 32 bits for int8, at 64 for int16.
//!
//! Never: which products are summed.

use crate::chip::Family;
use crate::{Result, bail};

use super::round;
use super::value::Whole;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Saturates after every addition, at this many bits.
    Saturates(u32),
    Wraps32,
    /// 64 bits, which no sum reaches.
    Open,
}

/// `lane`: the filter is one of a full block.
pub fn end<T: Whole>(family: Family, lane: bool) -> End {
    match (family, T::BITS, lane) {
        (Family::S3, 8, true) => End::Saturates(20),
        (Family::S3, _, _) => End::Saturates(40),
        (Family::P4, 8, true) => End::Saturates(32),
        (Family::P4, 8, false) => End::Saturates(40),
        (Family::P4, _, true) => End::Open,
        (Family::P4, _, false) => End::Saturates(40),
        (Family::C, 8, _) => End::Wraps32,
        (Family::C, _, _) => End::Open,
    }
}

impl End {
    fn limit(self) -> Option<i64> {
        match self {
            End::Saturates(bits) => Some(1i64 << (bits - 1)),
            _ => None,
        }
    }

    /// Whether a sum whose terms' absolute values add up to `most` can reach the end.
    pub fn reached(self, most: i64) -> bool {
        self.limit().is_some_and(|limit| most >= limit)
    }

    /// What the accumulator holds after `bias` is loaded.
    pub fn load(self, bias: i64) -> i64 {
        match self {
            // The lanes' bits are copied out of the wider word.
            End::Saturates(bits) => (bias << (64 - bits)) >> (64 - bits),
            End::Wraps32 => i64::from(bias as i32),
            End::Open => bias,
        }
    }

    pub fn add(self, sum: i64, term: i64) -> i64 {
        match self.limit() {
            Some(limit) => (sum + term).clamp(-limit, limit - 1),
            None if self == End::Wraps32 => i64::from((sum as i32).wrapping_add(term as i32)),
            None => sum.wrapping_add(term),
        }
    }

    /// Terms in the chip's order, each held to the end.
    pub fn walk(self, bias: i64, terms: impl Iterator<Item = i64>) -> i64 {
        terms.fold(self.load(bias), |sum, term| self.add(sum, term))
    }
}

/// Shift, Relu and saturation of a finished sum.
#[derive(Debug, Clone)]
pub struct Output {
    pub family: Family,
    pub relu: bool,
    /// One, or one a filter.
    pub shifts: Vec<i32>,
}

impl Output {
    /// Shifts from the exponents of input, weight (one or one a channel) and output.
    pub fn new(family: Family, relu: bool, input: i32, weight: &[i32], output: i32, filters: usize) -> Result<Output> {
        let shifts: Vec<i32> = weight.iter().map(|w| output - input - w).collect();
        if shifts.is_empty() {
            bail!("its weights have no exponent");
        }
        if shifts.len() > 1 && family != Family::P4 {
            bail!("its weights have {} exponents, this chip takes one", shifts.len());
        }
        if shifts.len() > 1 && shifts.len() != filters {
            bail!("its weights have {} exponents for {filters} filters", shifts.len());
        }
        let least = shifts.iter().min().copied().unwrap_or(0);
        if least < 0 && family != Family::C {
            bail!(
                "its output's exponent is {} below that of input times weight, and the chip shifts right only",
                -least
            );
        }
        Ok(Output { family, relu, shifts })
    }

    pub fn finish<T: Whole>(&self, sum: i64, filter: usize) -> T {
        let shift = if self.shifts.len() == 1 { self.shifts.first() } else { self.shifts.get(filter) };
        let shifted = round::shift(sum, shift.copied().unwrap_or(0), self.family);
        T::clamp_from(if self.relu { shifted.max(0) } else { shifted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_bits_saturate_on_the_way() {
        let end = end::<i8>(Family::S3, true);
        let top = (1 << 19) - 1;
        assert_eq!(end.walk(top - 5, [10, -10].into_iter()), top - 10);
        assert_eq!(end.walk(-top, [-10, 10].into_iter()), -top - 1 + 10);
    }

    #[test]
    fn the_portable_code_wraps() {
        let end = end::<i8>(Family::C, true);
        assert_eq!(end.walk(i32::MAX.into(), [1].into_iter()), i64::from(i32::MIN));
    }
}
