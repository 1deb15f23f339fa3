//! Pass `align`: fits scales to powers of two. A factor moves from the weights before a group of values to those after
//! it, so that the best step for the values is one that the chip supports.
//!
//! A scale on the chip is a power of two. A range just above one leaves almost a bit unused. If the layers between
//! preserve factors, a factor between 1 and 2 avoids that at no cost on the chip.

use std::collections::BTreeMap;

use crate::Result;
use crate::graph::ValueId;
use crate::kernels::errors::largest_magnitude;
use crate::parallel;

use super::groups::{Group, Groups};
use super::seen::{Seen, error};
use super::{Equivalent, Work};

/// Steps tried, as powers of two of the step that covers the whole range, and how many of them.
const TRIED: (f64, f64, usize) = (-1.5, 0.3, 37);

/// Returns the network's constants with every free group at its best step.
pub fn align(work: &Work) -> Result<Equivalent> {
    let graph = &work.plan.graph;
    let groups = Groups::of(graph);
    let observed: BTreeMap<ValueId, u32> =
        work.plan.observed().iter().map(|port| (port.value, work.plan.configs[port.config].bits)).collect();
    let factors: Vec<f32> = parallel::map(groups.free.len(), |index| factor(&groups.free[index], &observed, work.seen));
    let by_value = groups.free.iter().zip(&factors);
    let by_value =
        by_value.flat_map(|(group, &factor)| group.values.iter().map(move |&v| (v, vec![f64::from(factor)])));
    Ok(Equivalent { edits: groups.scaled(graph, &factors)?, factors: by_value.collect() })
}

/// Factor of a group, from 1 to 2: its best step times the factor is a power of two.
fn factor(group: &Group, observed: &BTreeMap<ValueId, u32>, seen: &Seen) -> f32 {
    let narrow = |value: &&ValueId| observed.get(value) == Some(&8);
    let data = group.values.iter().filter(narrow).filter_map(|&v| Some(seen.value(v)?.elements()));
    let data: Vec<Vec<f32>> = data.collect();
    let top = data.iter().map(|elements| f64::from(largest_magnitude(elements))).fold(0.0, f64::max);
    if top == 0.0 {
        return 1.0;
    }
    let (from, to, count) = TRIED;
    let mut best = (f64::INFINITY, 1.0);
    for tried in 0..count {
        let step = top / 127.0 * (from + (to - from) * tried as f64 / (count - 1) as f64).exp2();
        let error: f64 =
            data.iter().map(|elements| least_error(elements, step, largest_magnitude(elements).into())).sum();
        if error < best.0 {
            best = (error, step);
        }
    }
    let step: f64 = best.1;
    ((step.log2() - 1e-9).ceil().exp2() / step) as f32
}

/// Returns the smallest noise-to-signal ratio of elements over steps that differ from `step` by powers of two.
fn least_error(elements: &[f32], step: f64, largest: f64) -> f64 {
    // Starts at the step that covers the range: a finer one saturates, a coarser one wastes a bit.
    let covering = (largest.max(f64::MIN_POSITIVE) / (127.0 * step)).log2().ceil();
    let errors = [covering - 2.0, covering - 1.0, covering].map(|shift| error(elements, (step * shift.exp2()) as f32));
    errors.into_iter().fold(f64::INFINITY, f64::min)
}
