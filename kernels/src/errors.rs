//! Sums over a simulated slice and its float reference, from which noise figures are computed.

use super::real::Real;
use super::simd::multiversion;

/// Sums over pairs (q, f), in float64.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ErrorSums {
    /// Sum of (q - f)^2.
    pub noise: f64,
    /// Sum of f^2.
    pub signal: f64,
    /// Sum of q f.
    pub dot: f64,
    /// Sum of q^2.
    pub power: f64,
}

const LANES: usize = 16;

/// Computes the sums in one pass. Elements past the shorter slice are left out.
///
/// Products of float32 are exact in float64; sums run in 16 lanes in a fixed order, so that the result depends neither
/// on the processor nor on threads.
pub fn error_sums<T: Real>(quantized: &[T], float: &[T]) -> ErrorSums {
    T::error_sums(quantized, float)
}

multiversion! {
    pub(super) fn sums[T: Real](quantized: &[T], float: &[T]) -> ErrorSums {
        let len = quantized.len().min(float.len());
        let (quantized, float) = (&quantized[..len], &float[..len]);
        let mut lanes = [[0.0f64; LANES]; 4];
        let (mut q_chunks, mut f_chunks) = (quantized.chunks_exact(LANES), float.chunks_exact(LANES));
        for (q, f) in (&mut q_chunks).zip(&mut f_chunks) {
            for i in 0..LANES {
                let (q, f) = (q[i].to_f64(), f[i].to_f64());
                lanes[0][i] += (q - f) * (q - f);
                lanes[1][i] += f * f;
                lanes[2][i] += q * f;
                lanes[3][i] += q * q;
            }
        }
        for (i, (q, f)) in q_chunks.remainder().iter().zip(f_chunks.remainder()).enumerate() {
            let (q, f) = (q.to_f64(), f.to_f64());
            lanes[0][i] += (q - f) * (q - f);
            lanes[1][i] += f * f;
            lanes[2][i] += q * f;
            lanes[3][i] += q * q;
        }
        let [noise, signal, dot, power] = lanes.map(|l| l.iter().sum());
        ErrorSums { noise, signal, dot, power }
    }
}

/// Differences between two slices.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gaps {
    /// Largest difference; infinite where a side is NaN.
    pub largest: f64,
    /// Elements that differ by more than the limit.
    pub over: usize,
}

/// Compares elements. Equal ones, infinite ones among them, differ by 0; those past the shorter slice are left out.
pub fn gaps<T: Real>(a: &[T], b: &[T], limit: f64) -> Gaps {
    T::gaps(a, b, limit)
}

/// Returns the sum of elements clamped to a range.
pub fn clamped_sum<T: Real>(values: &[T], range: (T, T)) -> f64 {
    T::clamped_sum(values, range)
}

/// Adds elements clamped to a range to their sums.
pub fn add_clamped<T: Real>(sums: &mut [f64], values: &[T], range: (T, T)) {
    T::add_clamped(sums, values, range);
}

multiversion! {
    pub(super) fn gaps_of[T: Real](a: &[T], b: &[T], limit: f64) -> Gaps {
        let len = a.len().min(b.len());
        let (a, b) = (&a[..len], &b[..len]);
        let distance = |a: T, b: T| {
            let difference = (a - b).to_f64().abs();
            // Infinite, too, where a difference of infinities is not a number.
            let distance = if difference.is_nan() { f64::INFINITY } else { difference };
            if a == b { 0.0 } else { distance }
        };
        let (mut largest, mut over) = ([0.0f64; LANES], [0u64; LANES]);
        let (a_lines, a_rest) = a.as_chunks::<LANES>();
        let (b_lines, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a_lines.iter().zip(b_lines) {
            for i in 0..LANES {
                let distance = distance(a[i], b[i]);
                largest[i] = if distance > largest[i] { distance } else { largest[i] };
                over[i] += u64::from(distance > limit);
            }
        }
        for (i, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
            let distance = distance(a, b);
            largest[i] = largest[i].max(distance);
            over[i] += u64::from(distance > limit);
        }
        Gaps { largest: largest.into_iter().fold(0.0, f64::max), over: over.iter().sum::<u64>() as usize }
    }

    /// Returns the largest magnitude; NaN is left out.
    pub fn largest_magnitude(values: &[f32]) -> f32 {
        let mut lanes = [0.0f32; LANES];
        let (lines, rest) = values.as_chunks::<LANES>();
        for line in lines {
            for i in 0..LANES {
                let magnitude = line[i].abs();
                lanes[i] = if magnitude > lanes[i] { magnitude } else { lanes[i] };
            }
        }
        lanes.into_iter().chain(rest.iter().map(|v| v.abs())).fold(0.0, f32::max)
    }

    /// Returns the sum of magnitudes.
    pub fn sum_of_magnitudes(values: &[f32]) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let (lines, rest) = values.as_chunks::<LANES>();
        for line in lines {
            for i in 0..LANES {
                lanes[i] += f64::from(line[i].abs());
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|v| f64::from(v.abs())).sum::<f64>()
    }

    /// Returns the sum of products, each rounded to float32, over the shorter of both.
    pub fn sum_of_products(a: &[f32], b: &[f32]) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let len = a.len().min(b.len());
        let ((a, last_a), (b, last_b)) = (a[..len].as_chunks::<LANES>(), b[..len].as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for i in 0..LANES {
                lanes[i] += f64::from(a[i] * b[i]);
            }
        }
        lanes.iter().sum::<f64>() + last_a.iter().zip(last_b).map(|(a, b)| f64::from(a * b)).sum::<f64>()
    }

    /// Returns the sum of squares, each rounded to float32.
    pub fn sum_of_squares(values: &[f32]) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let (lines, rest) = values.as_chunks::<LANES>();
        for line in lines {
            for i in 0..LANES {
                lanes[i] += f64::from(line[i] * line[i]);
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|v| f64::from(v * v)).sum::<f64>()
    }

    pub(super) fn clamped_sum_of[T: Real](values: &[T], range: (T, T)) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let (lines, rest) = values.as_chunks::<LANES>();
        for line in lines {
            for i in 0..LANES {
                lanes[i] += line[i].clamped(range.0, range.1).to_f64();
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|v| v.clamped(range.0, range.1).to_f64()).sum::<f64>()
    }

    pub(super) fn add_clamped_to[T: Real](sums: &mut [f64], values: &[T], range: (T, T)) {
        sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += v.clamped(range.0, range.1).to_f64());
    }

    /// Returns the powers of the rounding errors and of the values themselves, with values on signed 8-bit multiples of
    /// `step`, halves to even.
    pub fn rounding_power(values: &[f32], step: f32) -> [f64; 2] {
        let (mut noise, mut signal) = (0.0f64, 0.0f64);
        for chunk in values.chunks(64 * LANES) {
            let (mut n, mut s) = ([0.0f32; LANES], [0.0f32; LANES]);
            let mut add = |values: &[f32]| {
                for (i, &v) in values.iter().enumerate() {
                    let e = (v / step).clamp(-128.0, 127.0).round_ties_even() * step - v;
                    n[i] += e * e;
                    s[i] += v * v;
                }
            };
            let mut lanes = chunk.chunks_exact(LANES);
            for lane in &mut lanes {
                add(lane);
            }
            add(lanes.remainder());
            noise += f64::from(n.iter().sum::<f32>());
            signal += f64::from(s.iter().sum::<f32>());
        }
        [noise, signal]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_whole_numbers() {
        let f: Vec<f32> = (0..100).map(|v| v as f32).collect();
        let q: Vec<f32> = f.iter().map(|v| v + 2.0).collect();
        let squares = (0..100).map(|v| f64::from(v * v)).sum::<f64>();
        let expected = ErrorSums {
            noise: 400.0,
            signal: squares,
            dot: squares + 2.0 * 4950.0,
            power: squares + 4.0 * 4950.0 + 400.0,
        };
        assert_eq!(error_sums(&q, &f), expected);
        // To 1 and 2, halves to even; 200 to 127.
        assert_eq!(rounding_power(&[0.75, 2.5, 200.0], 1.0), [0.0625 + 0.25 + 73.0 * 73.0, 0.5625 + 6.25 + 40_000.0]);
        assert_eq!(sum_of_squares(&[-3.0, 4.0].repeat(9)), 225.0);
        assert_eq!(clamped_sum(&[-1.0f32, 0.5, 9.0].repeat(7), (0.0, 6.0)), 45.5);
        let mut sums = [1.0, 2.0];
        add_clamped(&mut sums, &[-3.0f64, 4.0], (0.0, 6.0));
        assert_eq!(sums, [1.0, 6.0]);
        assert_eq!(largest_magnitude(&[1.0, -3.0, f32::NAN, 2.0].repeat(9)), 3.0);
        assert_eq!(error_sums(&[3.0, 9.0], &[1.0]), ErrorSums { noise: 4.0, signal: 1.0, dot: 3.0, power: 9.0 });
    }

    #[test]
    fn nan_differs_from_everything_and_infinity_not_from_itself() {
        let (nan, infinite) = (f32::NAN, f32::INFINITY);
        assert_eq!(gaps(&[1.0, 2.0, infinite], &[1.5, 2.25, infinite], 0.25), Gaps { largest: 0.5, over: 1 });
        assert_eq!(gaps(&[1.0; 20], &[nan; 20], 0.25), Gaps { largest: f64::INFINITY, over: 20 });
        assert_eq!(gaps(&[1.0], &[f64::NEG_INFINITY], 0.25), Gaps { largest: f64::INFINITY, over: 1 });
    }
}
