//! Sigmoid, Swish, Tanh and their like in float32, operation by operation as torch's vector kernels compute them.
//!
//! Tables of 16-bit activations hold these values rounded to 15 bits: where float32 differs by one unit in the last
//! place, about one entry in 500 rounds to another integer. The exponential is that of SLEEF (<https://sleef.org>),
//! which torch uses here: reduction by ln 2 in two parts and a polynomial of degree 7, within 1 ULP.

use super::real::Real;
use super::simd::multiversion;

const LN_2_HIGH: f32 = 0.693_145_75;
const LN_2_LOW: f32 = 1.428_606_8e-6;
/// Coefficients of the powers 7 down to 2.
const COEFFICIENTS: [f32; 6] = [0.000_198_527_62, 0.001_393_043_6, 0.008_333_361, 0.041_666_485, 0.166_666_67, 0.5];
/// Below `LEAST`, e^x is 0; above `MOST`, it is infinite.
const LEAST: f32 = -104.0;
const MOST: f32 = 100.0;

/// e^x.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let exponent = (x * std::f32::consts::LOG2_E).round_ties_even();
    let rest = exponent.mul_add(-LN_2_LOW, exponent.mul_add(-LN_2_HIGH, x));
    let mut sum = COEFFICIENTS[0];
    for c in &COEFFICIENTS[1..] {
        sum = sum.mul_add(rest, *c);
    }
    let power = 1.0 + (rest * rest).mul_add(sum, rest);
    // Two factors, since 2^exponent alone may be subnormal. The clamp keeps values that the comparisons below discard
    // within the range of an integer.
    let exponent = exponent.clamp(-151.0, 145.0) as i32;
    let half = exponent >> 1;
    let scaled = power * two_to_the(half) * two_to_the(exponent - half);
    if x < LEAST {
        0.0
    } else if x > MOST {
        f32::INFINITY
    } else {
        scaled
    }
}

/// 2^exponent, for exponents of normal numbers.
#[inline(always)]
fn two_to_the(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

/// 1 / (1 + e^-x).
pub fn sigmoid<T: Real>(values: &mut [T]) {
    T::sigmoid(values);
}

/// x / (1 + e^-x).
pub fn swish<T: Real>(values: &mut [T]) {
    T::swish(values);
}

multiversion! {
    pub(super) fn sigmoid_of[T: Real](values: &mut [T]) {
        for x in values {
            *x = T::ONE / (T::ONE + (T::ZERO - *x).exponential());
        }
    }

    pub(super) fn swish_of[T: Real](values: &mut [T]) {
        for x in values {
            *x = *x / (T::ONE + (T::ZERO - *x).exponential());
        }
    }
}

/// tanh, rounded once from float64: computed in float32, one result in ten differs in the last place.
pub fn tanh<T: Real>(x: T) -> T {
    T::from_f64(x.to_f64().tanh())
}

/// e^x - 1, rounded once from float64.
pub fn exp_m1<T: Real>(x: T) -> T {
    T::from_f64(x.to_f64().exp_m1())
}

/// ln(e^x + 1), each step rounded as in esp-ppq, but without esp-ppq's overflow.
pub fn softplus<T: Real>(x: T) -> T {
    let power = T::from_f64(x.to_f64().exp());
    if x.to_f64() > 20.0 { x } else { T::from_f64((power + T::ONE).to_f64().ln()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_one_unit_in_the_last_place() {
        for i in -4160..=3548 {
            let x = i as f32 * 0.025;
            let (exact, computed) = (f64::from(x).exp(), f64::from(exp(x)));
            let unit = f64::from((exact as f32).next_up() - exact as f32);
            assert!((computed - exact).abs() <= unit, "e^{x} is {exact}, computed {computed}");
        }
    }

    #[test]
    fn ends_and_nan() {
        let mut x = [f32::NEG_INFINITY, -200.0, -0.0, 200.0, f32::INFINITY];
        sigmoid(&mut x);
        assert_eq!(x, [0.0, 0.0, 0.5, 1.0, 1.0]);
        let mut x = [-200.0, 0.0, 200.0, f32::NAN];
        swish(&mut x);
        assert_eq!(x[..3], [0.0, 0.0, 200.0]);
        assert!(x[3].is_nan());
    }

    #[test]
    fn bits_are_those_of_torch() {
        // torch.sigmoid and torch.nn.functional.silu, as bits.
        let x = [-7.25f32, -1.3, -0.999_877_9, -0.01, 0.3, 1.0, 2.7, 11.0];
        let (mut s, mut w) = (x, x);
        sigmoid(&mut s);
        swish(&mut w);
        assert_eq!(s.map(f32::to_bits), SIGMOID);
        assert_eq!(w.map(f32::to_bits), SWISH);
    }

    const SIGMOID: [u32; 8] =
        [0x3a3a092d, 0x3e5b4e14, 0x3e89b5d6, 0x3efeb852, 0x3f130eaa, 0x3f3b26a8, 0x3f6fe0fa, 0x3f7ffee8];
    const SWISH: [u32; 8] =
        [0xbba89850, 0xbe8e8c5a, 0xbe89b188, 0xbba30553, 0x3e307800, 0x3f3b26a8, 0x4021eb0f, 0x412fff40];
}
