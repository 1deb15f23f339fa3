//! Observer mse: the clipping range with the smallest squared error, assuming uniform values within a bin.
//!
//! esp-ppq: `TorchMSEObserver`. Its search has 2048 bins at every width; a 16-bit port has more levels, so its only
//! candidate is 32 times the range.

use super::Histogram;
use super::extremes::covering_exponent;

pub fn mse_exponent(histogram: &Histogram, bits: u32) -> i32 {
    let bins = histogram.counts.len() as u64;
    let levels = 1u64 << bits;
    // The first step covers the whole range, the others are finer; of equal losses, the first is taken.
    let steps = std::iter::once(bins / levels + 1).chain(1..=bins / levels);
    let mut best: Option<(f64, u64)> = None;
    for step in steps {
        let loss = loss(&histogram.counts, step, levels * step);
        if best.is_none_or(|(least, _)| loss < least) {
            best = Some((loss, levels * step));
        }
    }
    let end = best.map_or(0, |(_, end)| end) as f64;
    let bin = histogram.upper / bins as f64;
    covering_exponent(end * bin, bits)
}

/// Mean squared distance in bins to the nearest of the points 0, step, 2 step, ... `end`.
fn loss(counts: &[u32], step: u64, end: u64) -> f64 {
    let total = counts.iter().map(|&c| u64::from(c)).sum::<u64>() as f64;
    let mut loss = 0.0;
    for (index, &count) in (0u64..).zip(counts) {
        let error = if index > end {
            (index - end) as f64 + 0.5
        } else {
            let left = index % step;
            let right = step - left - 1;
            if left == right { left as f64 + 0.25 } else { left.min(right) as f64 + 0.5 }
        };
        loss += f64::from(count) * error * error / total;
    }
    loss
}
