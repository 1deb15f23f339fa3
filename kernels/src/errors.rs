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
    sums(quantized, float)
}

multiversion! {
    fn sums[T: Real](quantized: &[T], float: &[T]) -> ErrorSums {
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

multiversion! {
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
        assert_eq!(error_sums(&[3.0, 9.0], &[1.0]), ErrorSums { noise: 4.0, signal: 1.0, dot: 3.0, power: 9.0 });
    }
}
