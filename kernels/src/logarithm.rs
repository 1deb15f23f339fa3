//! Natural logarithm in float64 of whole slices.

use super::simd::multiversion;

const LN_2: f64 = std::f64::consts::LN_2;
/// Bits of sqrt(1/2).
const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
/// Bits of 1.
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// Bits of 2^52, whose lowest bits are units.
const UNITS: u64 = 0x4330_0000_0000_0000;

multiversion! {
    /// Replaces positive, finite elements by their logarithms. The error is at most 2 units in the last place, or 3e-16 near 1; the
    /// logarithm of 1 is 0.
    ///
    /// With m in [1/sqrt(2), sqrt(2)), x = 2^e m and s = (m - 1) / (m + 1): ln x = e ln 2 + 2 artanh s.
    pub fn ln(values: &mut [f64]) {
        for x in values {
            // The bits of sqrt(1/2) are taken off, so that the exponent changes there.
            let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
            let exponent = shifted.wrapping_add(ONE) >> 52;
            let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF));
            let exponent = f64::from_bits(UNITS | exponent) - f64::from_bits(UNITS) - 1023.0;
            let s = (m - 1.0) / (m + 1.0);
            let square = s * s;
            let mut sum = 1.0 / 23.0;
            for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
                sum = sum * square + 1.0 / odd;
            }
            *x = exponent * LN_2 + (2.0 * s + 2.0 * s * square * sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_standard_library() {
        let powers = (-300..300).map(|e| 1.237f64.powi(e));
        let near_one = (-50..50).map(|i| 1.0 + f64::from(i) * 1e-3);
        let x: Vec<f64> = powers.chain(near_one).chain([1e-30, 1e-300, f64::MIN_POSITIVE, f64::MAX]).collect();
        let mut y = x.clone();
        ln(&mut y);
        for (x, y) in x.iter().zip(y) {
            let expected = x.ln();
            assert!((y - expected).abs() <= 4.5e-16 * expected.abs().max(0.67), "ln {x} = {expected}, not {y}");
        }
    }

    #[test]
    fn the_logarithm_of_one_is_zero() {
        let mut one = [1.0, 1.0 + 1e-30];
        ln(&mut one);
        assert_eq!(one, [0.0; 2]);
    }
}
