//! Ends of accumulators: their behaviour on overflow.

/// Behaviour of an accumulator on overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Saturates after every addition, at this many bits.
    Saturates(u32),
    /// Wraps at 32 bits, as the portable kernels of int8 do.
    Wraps32,
    /// 64 bits, which no sum exceeds.
    Open,
}

impl End {
    /// First sum above the accumulator's largest value; `None` if it does not saturate.
    pub fn limit(self) -> Option<i64> {
        match self {
            End::Saturates(bits) => Some(1i64 << (bits - 1)),
            _ => None,
        }
    }

    /// Smallest and largest sum of a saturating accumulator; of others, those of 64 bits.
    pub fn range(self) -> (i64, i64) {
        self.limit().map_or((i64::MIN, i64::MAX), |limit| (-limit, limit - 1))
    }

    /// Returns the accumulator's value after `bias` is loaded.
    pub fn load(self, bias: i64) -> i64 {
        match self {
            // The lane's bits are copied from the wider word.
            End::Saturates(bits) => (bias << (64 - bits)) >> (64 - bits),
            End::Wraps32 => i64::from(bias as i32),
            End::Open => bias,
        }
    }

    /// Returns the accumulator's value after one addition; `sum` must be in its range.
    pub fn add(self, sum: i64, term: i64) -> i64 {
        match self.limit() {
            Some(limit) => (sum + term).clamp(-limit, limit - 1),
            None if self == End::Wraps32 => i64::from((sum as i32).wrapping_add(term as i32)),
            None => sum.wrapping_add(term),
        }
    }

    /// Sums terms one after the other, each step limited by the end.
    pub fn walk(self, bias: i64, terms: impl Iterator<Item = i64>) -> i64 {
        terms.fold(self.load(bias), |sum, term| self.add(sum, term))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_bits_saturate_on_the_way() {
        let top = (1 << 19) - 1;
        assert_eq!(End::Saturates(20).walk(top - 5, [10, -10].into_iter()), top - 10);
        assert_eq!(End::Saturates(20).walk(-top, [-10, 10].into_iter()), -top - 1 + 10);
    }

    #[test]
    fn thirty_two_bits_wrap() {
        assert_eq!(End::Wraps32.walk(i32::MAX.into(), [1].into_iter()), i64::from(i32::MIN));
    }
}
