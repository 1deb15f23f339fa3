//! Counts of magnitudes.

use crate::kernels::histogram::add_abs_histogram;

/// Counts of absolute values in equal bins from 0 to `upper`.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    pub counts: Vec<u32>,
    pub upper: f32,
}

impl Histogram {
    pub fn new(bins: usize, upper: f32) -> Histogram {
        Histogram { counts: vec![0; bins], upper }
    }

    /// Adds values; those beyond `upper` are left out, `upper` itself is in the last bin.
    ///
    /// The arithmetic is `torch.histc`'s, in float32. With `upper` 0 nothing is counted.
    pub fn add(&mut self, values: &[f32]) {
        if self.upper > 0.0 {
            add_abs_histogram(values, self.upper, &mut self.counts);
        }
    }
}
