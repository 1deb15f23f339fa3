//! Candidates of the observer kl that can be the best one, from divergences of which each is known but for rounding.
//!
//! The histogram of a 16-bit port has a million bins, which all 32 candidates read in steps of their own. Here, all of them
//! read one stretch of bins after the other, and a logarithm of a quotient is the difference of two.

use crate::kernels::steps::{Before, StepSums, count_log, extend, step_sums};

use super::kl::{EPSILON, p_log_p};

/// Bins of a stretch: what is summed over them stays in the nearest caches.
const STRETCH: usize = 8192;
/// Bound of the difference to the divergence in esp-ppq's rounding: shares and quotients are float32, and the magnitude of no
/// logarithm exceeds 70.
const ROUNDING: f64 = 1e-5;

/// Returns the numbers of leading bins, multiples of `levels`, of which one has the smallest divergence.
pub fn contenders(counts: &[u32], levels: usize) -> Vec<usize> {
    let all = (levels..=counts.len()).step_by(levels);
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if total > u64::from(u32::MAX) {
        return all.collect();
    }
    let found = divergences(counts, levels, total as f32);
    let least = found.iter().copied().fold(f64::INFINITY, f64::min);
    let may_win = |divergence: f64| divergence.is_nan() || divergence <= least + 2.0 * ROUNDING;
    all.zip(found).filter(|(_, divergence)| may_win(*divergence)).map(|(range, _)| range).collect()
}

/// Returns the divergence by the number of bins in a step.
fn divergences(counts: &[u32], levels: usize, total: f32) -> Vec<f64> {
    let widest = counts.len() / levels;
    let mut before = Vec::with_capacity(counts.len() + 1);
    before.push(Before::default());
    let mut sums = vec![StepSums::default(); widest];
    let mut logs = Vec::new();
    for start in (0..counts.len()).step_by(STRETCH) {
        let end = (start + STRETCH).min(counts.len());
        // A step that begins here may end in the next stretch.
        let known = before.len() - 1;
        extend(&mut before, &counts[known..(end + widest).min(counts.len())]);
        for (width, sums) in (1..).zip(&mut sums) {
            // The last step is another one.
            let (first, last) = (start.div_ceil(width), end.div_ceil(width).min(levels - 1));
            if first < last {
                sums.add(step_sums(&before[first * width..=last * width], width, &mut logs));
            }
        }
    }
    let histogram = Sums { counts, before, total, levels };
    let mut entropy = 0.0;
    let ranges = (1..).zip(counts.chunks_exact(levels)).zip(sums);
    ranges
        .map(|((width, bins), sums)| {
            let last = bins[levels - 1];
            entropy += count_log(bins);
            histogram.divergence(width, sums, entropy - count_log(&[last]))
        })
        .collect()
}

/// Histogram with sums over leading bins.
struct Sums<'a> {
    counts: &'a [u32],
    before: Vec<Before>,
    total: f32,
    levels: usize,
}

impl Sums<'_> {
    /// Divergence of the first `width * levels` bins, with all further ones added to the last of them, from the same bins in
    /// `levels` steps. `steps` are sums over all steps but the last, `logs` is the sum of count times its logarithm over all bins
    /// but the last.
    fn divergence(&self, width: usize, steps: StepSums, logs: f64) -> f64 {
        let (range, total) = (width * self.levels, f64::from(self.total));
        let (last, start, end) = (self.counts[range - 1], self.before[range - width], self.before[range]);
        let others = f64::from(end.count - last);
        let entropy = (logs - others * total.ln()) / total;
        let tail = (self.before[self.counts.len()].count - end.count) as f32;
        let piled = f64::from((last as f32 + tail) / self.total);
        let filled = end.filled - start.filled;
        let mean = f64::from((end.count - start.count) as f32 / filled.max(1) as f32);
        let spread = f64::from((steps.spread + mean * f64::from(filled)) as f32).ln();
        let own = f64::from(end.count - last - start.count) / total;
        let share = if last > 0 { own + piled } else { own };
        let lost = if last > 0 { 0.0 } else { piled * EPSILON.ln() };
        let before = (steps.count_log - spread * f64::from(start.count)) / total;
        let step = if mean > 0.0 { share * (mean.ln() - spread) } else { 0.0 };
        entropy + p_log_p(piled) - before - step - lost
    }
}

#[cfg(test)]
mod tests {
    use super::super::kl::{best_range, singles};
    use super::*;

    /// Counts of many shapes: falling at many rates, with gaps and with outliers.
    fn histogram(number: u64, bins: usize) -> Vec<u32> {
        let mut state = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        let (rate, full) = (random() * 30.0, random() * 1000.0);
        let gaps = random();
        let mut counts: Vec<u32> = (0..bins)
            .map(|bin| {
                let expected = full * (-rate * bin as f64 / bins as f64).exp();
                if random() < gaps { 0 } else { (expected * 2.0 * random()).round() as u32 }
            })
            .collect();
        counts[bins - 1] = 1;
        counts
    }

    #[test]
    fn the_best_range_is_among_the_contenders_and_most_others_are_not() {
        for (levels, count) in [(128, 300), (2048, 20)] {
            let mut found = 0;
            for number in 0..count {
                let counts = histogram(number, 32 * levels);
                let contenders = contenders(&counts, levels);
                assert!(
                    contenders.contains(&best_range(&singles(&counts), levels)),
                    "{number} {levels}: {contenders:?}"
                );
                found += contenders.len();
            }
            assert!(found as u64 <= 2 * count, "{found} contenders of {count} histograms");
        }
    }
}
