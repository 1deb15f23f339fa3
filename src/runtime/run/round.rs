//! ESP-DL's rounding (`dl_tool.cpp`): half to even on the P4 and S31, half up on all others.
//!
//! Never: operators.

use crate::chip::{Family, Rounding};
use crate::kernels::integer;
use crate::{Result, bail};

/// Returns 2^exponent (`DL_SCALE`, and `DL_RESCALE` of the negative). Fails where `1 << exponent` leaves an int32, of which
/// the chip makes another number.
pub fn scale(exponent: i32) -> Result<f32> {
    if !(-30..=30).contains(&exponent) {
        bail!("it needs the scale 2^{exponent}, but the chip's end at 2^-30 and 2^30, beyond which an int32 overflows");
    }
    Ok(libm::ldexpf(1.0, exponent))
}

/// Computes `tool::round` of a float, in the range of int32.
pub fn round(value: f32, family: Family) -> i64 {
    let rounded = match family {
        Family::P4 => value.round_ties_even(),
        // The half is a double in the source, the floor is computed in float.
        Family::S3 | Family::C => ((f64::from(value) + 0.5) as f32).floor(),
    };
    // Saturates like the chips' instructions.
    i64::from(rounded as i32)
}

/// Computes `tool::round` of a double. The P4 treats values within 1e-6 of a half as ties.
pub fn round_double(value: f64, family: Family) -> i64 {
    if family != Family::P4 {
        return i64::from((value + 0.5).floor() as i32);
    }
    let away = if value < 0.0 { -1 } else { 1 };
    let rounded = value + 0.5 * f64::from(away);
    let whole = rounded as i32;
    let tie = (rounded - f64::from(whole)).abs() < 1e-6 && whole & 1 != 0;
    i64::from(if tie { whole - away } else { whole })
}

/// Refuses NaN: ESP-DL is built with `-ffast-math`, for which its behaviour is undefined.
pub fn finite(value: f32) -> Result<f32> {
    if value.is_nan() {
        bail!("its result is NaN, for which the chip's result is undefined");
    }
    Ok(value)
}

/// Computes `tool::shift_and_round`: a rounded right shift; a left shift if the distance is negative.
pub fn shift(value: i64, distance: i32, family: Family) -> i64 {
    integer::finish::shift(value, distance, rounding(family))
}

/// Returns the rounding of a shifted integer.
pub fn rounding(family: Family) -> Rounding {
    match family {
        Family::P4 => Rounding::HalfEven,
        Family::S3 | Family::C => Rounding::HalfUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up_or_to_even() {
        let rounded = |family| [-1.5f32, -0.5, 0.5, 1.5, 2.5].map(|v| round(v, family));
        assert_eq!(rounded(Family::S3), [-1, 0, 1, 2, 3]);
        assert_eq!(rounded(Family::P4), [-2, 0, 0, 2, 2]);
    }

    #[test]
    fn a_double_near_a_half_is_a_tie_on_the_p4() {
        let rounded = |family| [2.5, 2.500_000_5, 2.6, -2.5, -1.5, 1e12].map(|v| round_double(v, family));
        assert_eq!(rounded(Family::P4), [2, 2, 3, -2, -2, i32::MAX.into()]);
        assert_eq!(rounded(Family::C), [3, 3, 3, -2, -1, i32::MAX.into()]);
    }
}
