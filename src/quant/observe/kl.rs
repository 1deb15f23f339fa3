//! Observer kl: the clipping range whose quantized distribution is nearest to the observed one.
//!
//! esp-ppq: `TorchHistObserver.hist_to_scale_offset`. Elements are float32 as in esp-ppq; sums are float64, and prefix
//! sums make a candidate's cost that of its quantized bins: with the divergence written as `sum p log p - sum p log q`,
//! the first sum is a prefix sum, and `q` is constant over a quantized bin. The base of the logarithm does not affect
//! the minimum.

use super::Histogram;
use super::extremes::nearest_exponent;

/// Offset that keeps the logarithm of an empty bin finite.
const EPSILON: f64 = 1e-30;

pub fn kl_exponent(histogram: &Histogram, bits: u32) -> i32 {
    let (bins, levels) = (histogram.counts.len(), 1usize << (bits - 1));
    if histogram.upper <= 0.0 {
        return nearest_exponent(0.0);
    }
    let best = best_range(&counts(histogram), levels);
    let bin = histogram.upper / bins as f64;
    nearest_exponent((best as f64 / bins as f64) * bin * (bins as f64 / levels as f64))
}

/// Returns the counts, with the lowest 0.2 % of the bins set to zero, except for one element just above them.
fn counts(histogram: &Histogram) -> Vec<f32> {
    let mut counts: Vec<f32> = histogram.counts.iter().map(|&c| c as f32).collect();
    let cut = (counts.len() as f64 * 0.002) as usize;
    counts[..cut].fill(0.0);
    if let Some(first) = counts.get_mut(cut) {
        *first = 1.0;
    }
    counts
}

/// Returns the number of leading bins, a multiple of `levels`, with the smallest divergence.
fn best_range(counts: &[f32], levels: usize) -> usize {
    let prefix = Prefix::new(counts);
    let mut best = (f64::INFINITY, levels);
    for range in (levels..=counts.len()).step_by(levels) {
        let divergence = prefix.divergence(counts, levels, range);
        if divergence < best.0 {
            best = (divergence, range);
        }
    }
    best.1
}

/// Prefix sums of counts, and of non-empty bins.
struct Prefix {
    total: f32,
    counts: Vec<f64>,
    filled: Vec<u32>,
    p: Vec<f64>,
    p_log_p: Vec<f64>,
}

impl Prefix {
    fn new(counts: &[f32]) -> Prefix {
        let total = counts.iter().map(|&c| f64::from(c)).sum::<f64>() as f32;
        let (mut count, mut filled, mut p, mut p_log) = (0.0, 0, 0.0, 0.0);
        let mut prefix = Prefix { total, counts: vec![0.0], filled: vec![0], p: vec![0.0], p_log_p: vec![0.0] };
        for &c in counts {
            let share = f64::from(c / total);
            count += f64::from(c);
            filled += u32::from(c > 0.0);
            p += share;
            p_log += p_log_p(share);
            prefix.counts.push(count);
            prefix.filled.push(filled);
            prefix.p.push(p);
            prefix.p_log_p.push(p_log);
        }
        prefix
    }

    /// Computes the divergence of the first `range` bins, with all further ones added to the last of them, from the
    /// same bins in `levels` steps.
    fn divergence(&self, counts: &[f32], levels: usize, range: usize) -> f64 {
        let width = range / levels;
        let last = counts[range - 1];
        let tail = (self.counts[counts.len()] - self.counts[range]) as f32;
        let piled = f64::from((last + tail) / self.total);

        // Mean of a step over its non-empty bins.
        let step = |step: usize| {
            let (start, end) = (step * width, (step + 1) * width);
            let filled = self.filled[end] - self.filled[start];
            ((self.counts[end] - self.counts[start]) as f32 / filled.max(1) as f32, filled)
        };
        let q_total = (0..levels).map(step).map(|(q, filled)| f64::from(q) * f64::from(filled)).sum::<f64>() as f32;

        let mut divergence = self.p_log_p[range - 1] + p_log_p(piled);
        for index in 0..levels {
            let (q, filled) = step(index);
            if filled > 0 {
                let end = ((index + 1) * width).min(range - 1);
                let mut p = self.p[end] - self.p[index * width];
                if index + 1 == levels && last > 0.0 {
                    p += piled;
                }
                divergence -= p * (f64::from(q / q_total) + EPSILON).ln();
            }
        }
        if last <= 0.0 {
            divergence -= piled * EPSILON.ln();
        }
        divergence
    }
}

fn p_log_p(p: f64) -> f64 {
    if p > 0.0 { p * (p + EPSILON).ln() } else { 0.0 }
}
