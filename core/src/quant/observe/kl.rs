//! Observer kl: the clipping range whose quantized distribution is nearest to the observed one.
//!
//! esp-ppq: `TorchHistObserver.hist_to_scale_offset`. Elements are float32 as in esp-ppq; sums are float64, and prefix
//! sums make a candidate's cost that of its quantized bins: with the divergence written as `sum p log p - sum p log q`,
//! the first sum is a prefix sum, and `q` is constant over a quantized bin. The base of the logarithm does not affect
//! the minimum.

use crate::kernels::logarithm::ln;

use super::Histogram;
use super::contenders::contenders;
use super::extremes::nearest_exponent;

/// Offset that keeps the logarithm of an empty bin finite.
pub(super) const EPSILON: f64 = 1e-30;

pub fn kl_exponent(histogram: &Histogram, bits: u32) -> i32 {
    let (bins, levels) = (histogram.counts.len(), 1usize << (bits - 1));
    if histogram.upper <= 0.0 {
        return nearest_exponent(0.0);
    }
    let counts = counts(histogram);
    let bin = histogram.upper / bins as f64;
    let exponent = |range: usize| nearest_exponent((range as f64 / bins as f64) * bin * (bins as f64 / levels as f64));
    // Several ranges have one exponent: which of them is the best matters only where two exponents are left.
    match contenders(&counts, levels).as_slice() {
        [first, rest @ ..] if rest.iter().all(|&range| exponent(range) == exponent(*first)) => exponent(*first),
        _ => exponent(best_range(&singles(&counts), levels)),
    }
}

/// Returns the counts, with the lowest 0.2 % of the bins set to zero, except for one element just above them.
fn counts(histogram: &Histogram) -> Vec<u32> {
    let mut counts = histogram.counts.clone();
    let cut = (counts.len() as f64 * 0.002) as usize;
    counts[..cut].fill(0);
    if let Some(first) = counts.get_mut(cut) {
        *first = 1;
    }
    counts
}

/// Returns the counts as esp-ppq has them.
pub(super) fn singles(counts: &[u32]) -> Vec<f32> {
    counts.iter().map(|&count| count as f32).collect()
}

/// Returns the number of leading bins, a multiple of `levels`, with the smallest divergence.
pub(super) fn best_range(counts: &[f32], levels: usize) -> usize {
    let prefix = Prefix::new(counts, levels);
    let found = (levels..=counts.len()).step_by(levels).map(|range| (prefix.divergence(counts, range), range));
    let first = (f64::INFINITY, levels);
    found.fold(first, |best, candidate| if candidate.0 < best.0 { candidate } else { best }).1
}

/// Sums over leading bins. They stand together, since a candidate reads all three far apart.
#[derive(Clone, Copy)]
struct Sums {
    count: f64,
    /// Sum of shares.
    p: f64,
    /// Number of bins that are not empty.
    filled: u32,
}

struct Prefix {
    total: f32,
    levels: usize,
    /// Sums by the number of bins.
    sums: Vec<Sums>,
    /// Sums of p log p over all bins of a range but the last, by the number of bins in `levels`.
    p_log_p: Vec<f64>,
}

impl Prefix {
    fn new(counts: &[f32], levels: usize) -> Prefix {
        /// Bins whose logarithms are computed at once.
        const BLOCK: usize = 1024;
        let total = counts.iter().map(|&c| f64::from(c)).sum::<f64>() as f32;
        let (mut sums, mut p_log_p) = (Vec::with_capacity(counts.len() + 1), Vec::new());
        let (mut sum, mut p_log) = (Sums { count: 0.0, p: 0.0, filled: 0 }, 0.0);
        let mut logs = Vec::with_capacity(BLOCK);
        for (at, block) in counts.chunks(BLOCK).enumerate() {
            logs.clear();
            logs.extend(block.iter().map(|&c| f64::from(c / total) + EPSILON));
            ln(&mut logs);
            for (bin, (&c, log)) in block.iter().zip(&logs).enumerate() {
                sums.push(sum);
                if (at * BLOCK + bin + 1).is_multiple_of(levels) {
                    p_log_p.push(p_log);
                }
                let share = f64::from(c / total);
                sum.count += f64::from(c);
                sum.filled += u32::from(c > 0.0);
                sum.p += share;
                p_log += share * log;
            }
        }
        sums.push(sum);
        Prefix { total, levels, sums, p_log_p }
    }

    /// Computes the divergence of the first `range` bins, with all further ones added to the last of them, from the
    /// same bins in `levels` steps.
    fn divergence(&self, counts: &[f32], range: usize) -> f64 {
        let width = range / self.levels;
        let last = counts[range - 1];
        let tail = (self.sums[counts.len()].count - self.sums[range].count) as f32;
        let piled = f64::from((last + tail) / self.total);

        // Means of steps over their non-empty bins, and the steps' shares.
        let mut q_total = 0.0;
        let (mut q, mut shares) = (Vec::with_capacity(self.levels), Vec::with_capacity(self.levels));
        let ends = self.sums[width..].iter().step_by(width);
        for (start, end) in self.sums.iter().step_by(width).zip(ends).take(self.levels) {
            let filled = end.filled - start.filled;
            let mean = (end.count - start.count) as f32 / filled.max(1) as f32;
            q_total += f64::from(mean) * f64::from(filled);
            q.push(mean);
            shares.push(end.p - start.p);
        }
        let q_total = q_total as f32;
        // An empty step has no share, so that its logarithm has no effect.
        let mut logs: Vec<f64> = q.iter().map(|q| f64::from(q / q_total) + EPSILON).collect();
        ln(&mut logs);

        let mut divergence = self.p_log_p[width - 1] + p_log_p(piled);
        if let Some(share) = shares.last_mut() {
            *share = self.last_share(width, range, piled, last);
        }
        for (share, log) in shares.iter().zip(&logs) {
            divergence -= share * log;
        }
        if last <= 0.0 {
            divergence -= piled * EPSILON.ln();
        }
        divergence
    }

    /// Returns the share of the last step, of whose bins the last one has all further ones.
    fn last_share(&self, width: usize, range: usize, piled: f64, last: f32) -> f64 {
        let share = self.sums[range - 1].p - self.sums[range - width].p;
        if last > 0.0 { share + piled } else { share }
    }
}

pub(super) fn p_log_p(p: f64) -> f64 {
    if p > 0.0 { p * (p + EPSILON).ln() } else { 0.0 }
}
