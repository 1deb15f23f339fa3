//! Sums over a histogram and over equal steps of it: what the divergence between a distribution and its quantized form needs.

use std::sync::LazyLock;

use super::logarithm::ln;
use super::simd::multiversion;

/// Sums over the bins before one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    /// Sum of their counts.
    pub count: u32,
    /// Number of those that are not empty.
    pub filled: u32,
}

/// Sums over steps.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepSums {
    /// Sum of the steps' means over their filled bins, each as often as there are such bins.
    pub spread: f64,
    /// Sum of count times logarithm of the mean; an empty step adds nothing.
    pub count_log: f64,
}

impl StepSums {
    /// Adds the sums of other steps.
    pub fn add(&mut self, other: StepSums) {
        self.spread += other.spread;
        self.count_log += other.count_log;
    }
}

/// Appends the sums after each of `counts` to those before it. The sum of all counts must be in the range of an u32.
pub fn extend(before: &mut Vec<Before>, counts: &[u32]) {
    let mut last = before.last().copied().unwrap_or_default();
    before.extend(counts.iter().map(|&count| {
        last.count += count;
        last.filled += u32::from(count > 0);
        last
    }));
}

/// Returns the sum of count times logarithm of the count; an empty bin adds nothing.
pub fn count_log(counts: &[u32]) -> f64 {
    let of =
        |count: u32| SMALL.get(count as usize).copied().unwrap_or_else(|| f64::from(count) * f64::from(count).ln());
    // Sums of their own do not wait for each other.
    let mut sums = [0.0; 4];
    let mut quads = counts.chunks_exact(sums.len());
    for quad in &mut quads {
        sums.iter_mut().zip(quad).for_each(|(sum, &count)| *sum += of(count));
    }
    sums.into_iter().sum::<f64>() + quads.remainder().iter().map(|&count| of(count)).sum::<f64>()
}

/// Products of small counts and their logarithms: of many bins, nearly all have such counts.
static SMALL: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let of = |count: f64| count * count.max(1.0).ln();
    (0..1024u32).map(f64::from).map(of).collect()
});

/// Sums over the steps of `width` bins that begin at `before[0]` and end at or before the last one. `logs` is memory to work in.
pub fn step_sums(before: &[Before], width: usize, logs: &mut Vec<f64>) -> StepSums {
    let count = before.len().saturating_sub(1) / width.max(1);
    logs.clear();
    logs.resize(count, 0.0);
    let spread = means(before, width, logs);
    ln(logs);
    StepSums { spread, count_log: weighted(before, width, logs) }
}

multiversion! {
    /// Computes the mean of each step, as float32; 1, whose logarithm is 0, of an empty one. Returns the means' sum, each as often as
    /// the step has filled bins.
    fn means(before: &[Before], width: usize, means: &mut [f64]) -> f64 {
        let mut spread = [0.0; LANES];
        for (block, means) in means.chunks_mut(LANES).enumerate() {
            let first = block * LANES;
            for (lane, mean) in means.iter_mut().enumerate() {
                let (start, end) = (before[(first + lane) * width], before[(first + lane + 1) * width]);
                let (count, filled) = (end.count - start.count, end.filled - start.filled);
                let single = count as f32 / filled.max(1) as f32;
                spread[lane] += f64::from(single) * f64::from(filled);
                *mean = if count > 0 { f64::from(single) } else { 1.0 };
            }
        }
        spread.into_iter().sum()
    }

    /// Sums the counts of the steps, each times its factor.
    fn weighted(before: &[Before], width: usize, factors: &[f64]) -> f64 {
        let mut sums = [0.0; LANES];
        for (block, factors) in factors.chunks(LANES).enumerate() {
            let first = block * LANES;
            for (lane, factor) in factors.iter().enumerate() {
                let (start, end) = (before[(first + lane) * width], before[(first + lane + 1) * width]);
                sums[lane] += f64::from(end.count - start.count) * factor;
            }
        }
        sums.into_iter().sum()
    }
}

/// Sums that do not wait for each other.
const LANES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_step_adds_nothing_and_a_part_of_one_is_left_out() {
        let mut before = vec![Before::default()];
        extend(&mut before, &[1, 3, 0, 0, 4, 0, 9]);
        assert_eq!(before[7], Before { count: 17, filled: 4 });
        let sums = step_sums(&before, 2, &mut Vec::new());
        assert_eq!(sums.spread, 2.0 * 2.0 + 4.0);
        let expected = 4.0 * 2f64.ln() + 4.0 * 4f64.ln();
        assert!((sums.count_log - expected).abs() < 1e-12, "{} instead of {expected}", sums.count_log);
    }

    #[test]
    fn logarithms_are_weighted_with_the_counts() {
        let expected = 2.0 * 2f64.ln() + 5000.0 * 5000f64.ln();
        assert!((count_log(&[0, 1, 2, 0, 0, 5000]) - expected).abs() < 1e-9);
    }
}
