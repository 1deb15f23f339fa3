//! Pass `align`: fits scales to powers of two. A factor moves from the weights before a group of values to those after
//! it, so that the best step for the values is one that the chip supports.
//!
//! A scale on the chip is a power of two. A range just above one leaves almost a bit unused. If the layers between
//! preserve factors, a factor between 1 and 2 avoids that at no cost on the chip.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::Result;
use crate::graph::ValueId;
use crate::quant::Edits;

use super::Work;
use super::excerpts::{self, Excerpts, error, largest};
use super::groups::{Group, Groups};

/// Steps tried, as powers of two of the step that covers the whole range, and how many of them.
const TRIED: (f64, f64, usize) = (-1.5, 0.3, 37);

/// Returns the network's constants with every free group at its best step.
pub fn align(work: &Work) -> Result<Edits> {
    let graph = &work.plan.graph;
    let groups = Groups::of(graph);
    let observed: BTreeMap<ValueId, u32> =
        work.plan.observed().iter().map(|port| (port.value, work.plan.configs[port.config].bits)).collect();
    let values = groups.free.iter().flat_map(|group| &group.values).filter(|v| observed.contains_key(v));
    let seen = excerpts::look(work, values.copied())?;
    let factors: Vec<f32> = groups.free.par_iter().map(|group| factor(group, &observed, &seen)).collect();
    groups.scaled(graph, &factors)
}

/// Factor of a group, from 1 to 2: its best step times the factor is a power of two.
fn factor(group: &Group, observed: &BTreeMap<ValueId, u32>, seen: &Excerpts) -> f32 {
    let narrow = |value: &&ValueId| observed.get(value) == Some(&8);
    let data: Vec<&[f32]> = group.values.iter().filter(narrow).filter_map(|v| seen.get(v).map(Vec::as_slice)).collect();
    let top = data.iter().map(|elements| largest(elements)).fold(0.0, f64::max);
    if top == 0.0 {
        return 1.0;
    }
    let (from, to, count) = TRIED;
    let mut best = (f64::INFINITY, 1.0);
    for tried in 0..count {
        let step = top / 127.0 * (from + (to - from) * tried as f64 / (count - 1) as f64).exp2();
        let error: f64 = data.iter().map(|elements| least_error(elements, step, largest(elements))).sum();
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
