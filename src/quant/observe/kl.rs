//! Observer kl: the clipping range whose quantized distribution is nearest to the observed one.
//!
//! esp-ppq: `TorchHistObserver.hist_to_scale_offset`. Elements are float32 as in esp-ppq; sums are float64, and prefix
//! sums make a candidate's cost that of its quantized bins: with the divergence written as `sum p log p - sum p log q`,
//! the first sum is a prefix sum, and `q` is constant over a quantized bin. The base of the logarithm does not affect
//! the minimum.

use crate::kernels::logarithm::ln;

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
    let prefix = Prefix::new(counts, levels);
    let mut best = (f64::INFINITY, levels);
    for range in (levels..=counts.len()).step_by(levels) {
        let divergence = prefix.divergence(counts, range);
        if divergence < best.0 {
            best = (divergence, range);
        }
    }
    best.1
}

/// Sums over leading bins.
struct Prefix {
    total: f32,
    levels: usize,
    /// Sums of counts, of non-empty bins, and of shares, by the number of bins.
    counts: Vec<f64>,
    filled: Vec<u32>,
    p: Vec<f64>,
    /// Sums over all bins of a range but the last, by the number of bins in `levels`.
    p_log_p: Vec<f64>,
}

impl Prefix {
    fn new(counts: &[f32], levels: usize) -> Prefix {
        /// Bins whose logarithms are computed at once.
        const BLOCK: usize = 1024;
        let total = counts.iter().map(|&c| f64::from(c)).sum::<f64>() as f32;
        let mut prefix = Prefix {
            total,
            levels,
            counts: Vec::with_capacity(counts.len() + 1),
            filled: Vec::with_capacity(counts.len() + 1),
            p: Vec::with_capacity(counts.len() + 1),
            p_log_p: Vec::new(),
        };
        let (mut count, mut filled, mut p, mut p_log) = (0.0, 0, 0.0, 0.0);
        let mut logs = Vec::with_capacity(BLOCK);
        for (at, block) in counts.chunks(BLOCK).enumerate() {
            logs.clear();
            logs.extend(block.iter().map(|&c| f64::from(c / total) + EPSILON));
            ln(&mut logs);
            for (bin, (&c, log)) in block.iter().zip(&logs).enumerate() {
                prefix.counts.push(count);
                prefix.filled.push(filled);
                prefix.p.push(p);
                if (at * BLOCK + bin + 1).is_multiple_of(levels) {
                    prefix.p_log_p.push(p_log);
                }
                let share = f64::from(c / total);
                count += f64::from(c);
                filled += u32::from(c > 0.0);
                p += share;
                p_log += share * log;
            }
        }
        prefix.counts.push(count);
        prefix.filled.push(filled);
        prefix.p.push(p);
        prefix
    }

    /// Computes the divergence of the first `range` bins, with all further ones added to the last of them, from the
    /// same bins in `levels` steps.
    fn divergence(&self, counts: &[f32], range: usize) -> f64 {
        let width = range / self.levels;
        let last = counts[range - 1];
        let tail = (self.counts[counts.len()] - self.counts[range]) as f32;
        let piled = f64::from((last + tail) / self.total);

        // Means of steps over their non-empty bins.
        let mut q_total = 0.0;
        let steps = self.steps(&self.counts, width).zip(self.steps(&self.filled, width));
        let mut q: Vec<f32> = Vec::with_capacity(self.levels);
        q.extend(steps.map(|((start, end), (empty, filled))| {
            let filled = filled - empty;
            let mean = (end - start) as f32 / filled.max(1) as f32;
            q_total += f64::from(mean) * f64::from(filled);
            mean
        }));
        let q_total = q_total as f32;
        // An empty step has no share, so that its logarithm has no effect.
        let mut logs: Vec<f64> = q.iter().map(|q| f64::from(q / q_total) + EPSILON).collect();
        ln(&mut logs);

        let mut divergence = self.p_log_p[width - 1] + p_log_p(piled);
        let shares = self.steps(&self.p, width).map(|(start, end)| end - start);
        let shares = shares.take(self.levels - 1).chain([self.last_share(width, range, piled, last)]);
        for (share, log) in shares.zip(&logs) {
            divergence -= share * log;
        }
        if last <= 0.0 {
            divergence -= piled * EPSILON.ln();
        }
        divergence
    }

    /// Returns the sums at both ends of each step.
    fn steps<'a, T: Copy>(&self, sums: &'a [T], width: usize) -> impl Iterator<Item = (T, T)> + use<'a, T> {
        sums.iter().step_by(width).zip(sums[width..].iter().step_by(width)).take(self.levels).map(|(&a, &b)| (a, b))
    }

    /// Returns the share of the last step, of whose bins the last one has all further ones.
    fn last_share(&self, width: usize, range: usize, piled: f64, last: f32) -> f64 {
        let share = self.p[range - 1] - self.p[range - width];
        if last > 0.0 { share + piled } else { share }
    }
}

fn p_log_p(p: f64) -> f64 {
    if p > 0.0 { p * (p + EPSILON).ln() } else { 0.0 }
}
