//! Means over samples, and how far they are to be trusted.

use serde::{Deserialize, Serialize};

/// Mean of one figure over samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Arithmetic mean; 0 without samples.
    pub mean: f64,
    /// Standard error of the mean, from the spread over samples; 0 for one sample.
    pub standard_error: f64,
}

impl Spread {
    /// Computes the mean and its standard error from one figure per sample.
    pub fn of(each: &[f64]) -> Spread {
        let count = each.len().max(1) as f64;
        let mean = each.iter().sum::<f64>() / count;
        let variance = each.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / (count - 1.0).max(1.0);
        Spread { mean, standard_error: (variance / count).sqrt() }
    }

    /// The difference of two figures, sample by sample: what both have from a sample does not count.
    pub fn of_difference(a: &[f64], b: &[f64]) -> Spread {
        Spread::of(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>())
    }

    /// Tells a mean that lies above 0 by more than its standard error. With a single sample any gain is one.
    pub fn is_gain(&self) -> bool {
        self.mean > self.standard_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_error_is_that_of_the_mean() {
        let spread = Spread::of(&[1.0, 2.0, 3.0, 6.0]);
        assert_eq!(spread.mean, 3.0);
        // Sum of squares 14, over 3, over 4.
        assert!((spread.standard_error - (14.0f64 / 12.0).sqrt()).abs() < 1e-15);
        assert_eq!(Spread::of(&[5.0]), Spread { mean: 5.0, standard_error: 0.0 });
    }

    #[test]
    fn a_gain_is_judged_sample_by_sample() {
        let (large, small) = ([1.0, 9.0, 4.0], [0.9, 8.8, 3.9]);
        assert!(Spread::of_difference(&large, &small).is_gain());
        assert!(!Spread::of_difference(&small, &large).is_gain());
        assert!(!Spread::of_difference(&[1.0, 2.0], &[2.0, 0.9]).is_gain());
        assert!(!Spread::of(&[f64::NAN]).is_gain());
    }
}
