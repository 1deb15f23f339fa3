//! Histogram of magnitudes.

use crate::kernels::histogram::{add_abs_histogram, add_abs_histogram_f64};

use super::Elements;

/// Counts of absolute values in equal bins from 0 to `upper`.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Number of values by bin, from 0 upwards.
    pub counts: Vec<u32>,
    /// Upper edge of the last bin; bins are `upper / counts.len()` wide.
    pub upper: f64,
}

impl Histogram {
    /// Makes a histogram of equal, empty bins.
    pub fn new(bins: usize, upper: f64) -> Histogram {
        Histogram { counts: vec![0; bins], upper }
    }

    /// Adds values; those above `upper` are ignored, `upper` itself is in the last bin.
    ///
    /// The arithmetic is `torch.histc`'s, in the elements' type. With `upper` 0 nothing is counted.
    pub fn add(&mut self, values: Elements) {
        if self.upper > 0.0 {
            match values {
                Elements::F32(values) => add_abs_histogram(values, self.upper as f32, &mut self.counts),
                Elements::F64(values) => add_abs_histogram_f64(values, self.upper, &mut self.counts),
            }
        }
    }
}
