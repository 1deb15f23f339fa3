//! Scales of values by the least error of the values themselves: the power of two that rounding and saturation lose least
//! with on the samples, in place of an observer's.

use std::collections::{BTreeMap, BTreeSet};

use crate::Result;
use crate::graph::ValueId;
use crate::kernels::errors::largest_magnitude;
use crate::parallel;

use super::Work;
use super::seen::error;

/// Powers of two that are tried, from the one that covers the range down.
const FINER: [i32; 3] = [0, 1, 2];

/// Returns the exponents of all 8-bit values that calibration would observe.
pub fn scales(work: &Work) -> Result<BTreeMap<ValueId, i32>> {
    let ports = work.plan.observed();
    let is_narrow = |value: ValueId| {
        ports.iter().filter(|port| port.value == value).all(|port| work.plan.configs[port.config].bits == 8)
    };
    let values: BTreeSet<ValueId> = ports.iter().map(|port| port.value).filter(|&value| is_narrow(value)).collect();
    let values: Vec<ValueId> = values.into_iter().collect();
    let exponent = |index: usize| exponent(&work.seen.value(values[index])?.elements());
    let chosen = values.iter().zip(parallel::map(values.len(), exponent));
    Ok(chosen.filter_map(|(&value, exponent)| Some((value, exponent?))).collect())
}

/// The first of equal ones is the widest; `None` of nothing but zeros.
fn exponent(elements: &[f32]) -> Option<i32> {
    let range = Some(f64::from(largest_magnitude(elements))).filter(|&range| range > 0.0)?;
    let covering = (range / 127.0).log2().ceil() as i32;
    let tried = FINER.map(|finer| (error(elements, 2f32.powi(covering - finer)), covering - finer));
    let best = tried.into_iter().reduce(|best, one| if one.0 < best.0 { one } else { best });
    best.map(|(_, exponent)| exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_peak_is_cut_where_it_costs_less_than_coarse_steps() {
        let even: Vec<f32> = (0..=127).map(|v| v as f32 / 128.0).collect();
        assert_eq!(exponent(&even), Some(-7));
        // 1.01 takes another bit, for which all others pay.
        let peak: Vec<f32> = even.iter().map(|v| v + 0.003).chain([1.01]).collect();
        assert_eq!(exponent(&peak), Some(-7));
        assert_eq!(exponent(&[0.001, 4.0]), Some(-4));
        assert_eq!(exponent(&[0.0; 3]), None);
    }
}
