//! Observer percentile: the 0.01 % and 99.99 % elements of a tensor.

use crate::kernels::selection::nth_largest;

use super::Extremes;

/// `OBSERVER_PERCENTILE` in esp-ppq's `core/common.py`.
const PERCENTILE: f64 = 0.9999;

/// Returns the elements at both percentiles (`TorchPercentileObserver`); [`Extremes::EMPTY`] if there are no elements.
pub fn percentiles(mut values: Vec<f32>) -> Extremes {
    let count = values.len();
    if count == 0 {
        return Extremes::EMPTY;
    }
    let high = ((count as f64 * PERCENTILE) as usize).min(count - 1);
    let low = ((count as f64 * (1.0 - PERCENTILE)) as usize).min(high);
    let max = nth_largest(&values, count - 1 - high);
    values.iter_mut().for_each(|value| *value = -*value);
    Extremes { min: (-nth_largest(&values, low)).into(), max: max.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_those_of_a_sorted_tensor() {
        for count in [1, 2, 63, 10_000, 100_001] {
            let value = |index: usize| ((index.wrapping_mul(2_654_435_761) >> 7) % 4093) as f32 - 2000.0;
            let values: Vec<f32> = (0..count).map(|index| value(index).max(-100.0)).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let high = ((count as f64 * PERCENTILE) as usize).min(count - 1);
            let low = ((count as f64 * (1.0 - PERCENTILE)) as usize).min(high);
            let expected = Extremes { min: sorted[low].into(), max: sorted[high].into() };
            assert_eq!(percentiles(values), expected, "{count}");
        }
    }
}
