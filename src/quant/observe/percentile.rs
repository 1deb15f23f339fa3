//! Observer percentile: the 0.01 % and 99.99 % elements of a tensor.

use super::Extremes;

/// `OBSERVER_PERCENTILE` in esp-ppq's `core/common.py`.
const PERCENTILE: f64 = 0.9999;

/// Returns the elements at both percentiles (`TorchPercentileObserver`); [`Extremes::EMPTY`] if there are no elements.
pub fn percentiles(mut values: Vec<f32>) -> Extremes {
    let count = values.len();
    if count == 0 {
        return Extremes::EMPTY;
    }
    let low = (count as f64 * (1.0 - PERCENTILE)) as usize;
    let high = ((count as f64 * PERCENTILE) as usize).min(count - 1);
    let (_, &mut max, _) = values.select_nth_unstable_by(high, f32::total_cmp);
    // Elements before `high` are the smaller ones.
    let (_, &mut min, _) = values[..=high].select_nth_unstable_by(low.min(high), f32::total_cmp);
    Extremes { min: min.into(), max: max.into() }
}
