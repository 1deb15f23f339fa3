//! Pass `align`: fits scales to powers of two. A factor moves from the weights before a group of values to those after
//! it, so that the best step for the values is one that the chip supports.
//!
//! A scale on the chip is a power of two. A range just above one leaves almost a bit unused. If the layers between
//! preserve factors, a factor between 1 and 2 avoids that at no cost on the chip.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::Result;
use crate::exec::Program;
use crate::graph::{Tensor, ValueId};
use crate::quant::Edits;

use super::Work;
use super::groups::{Group, Groups};

/// Number of elements of a value that are used per sample.
const ELEMENTS: usize = 2048;
/// Steps to try, as powers of two relative to the step that covers the whole range, and their number.
const TRIED: (f64, f64, usize) = (-1.5, 0.3, 37);

/// Returns the network's constants with every free group at its best step.
pub fn align(work: &Work) -> Result<Edits> {
    let graph = &work.plan.graph;
    let groups = Groups::of(graph);
    let observed: BTreeMap<ValueId, u32> =
        work.plan.observed().iter().map(|port| (port.value, work.plan.configs[port.config].bits)).collect();
    let seen = look(work, &groups, &observed)?;
    let factors: Vec<f32> = groups.free.par_iter().map(|group| factor(group, &observed, &seen)).collect();
    groups.scaled(graph, &factors)
}

/// Collects elements of the quantized values of free groups, in float.
fn look(work: &Work, groups: &Groups, observed: &BTreeMap<ValueId, u32>) -> Result<BTreeMap<ValueId, Vec<f32>>> {
    let graph = &work.plan.graph;
    let mut wanted = vec![false; graph.values.len()];
    let values = groups.free.iter().flat_map(|group| &group.values).filter(|v| observed.contains_key(v));
    values.for_each(|value| wanted[value.0] = true);
    let float = Program::simulated(graph, &work.plan.reference()?)?;
    let by_sample = (0..work.samples.len()).into_par_iter().map(|sample| {
        let mut seen: Vec<(ValueId, Vec<f32>)> = Vec::new();
        float.observe(&work.samples.sample(sample)?, &wanted, &mut |value, tensor| {
            seen.push((value, some(tensor, sample)));
            Ok(())
        })?;
        (work.tick)()?;
        Ok(seen)
    });
    let mut all: BTreeMap<ValueId, Vec<f32>> = BTreeMap::new();
    for (value, mut elements) in by_sample.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        all.entry(value).or_default().append(&mut elements);
    }
    Ok(all)
}

/// Selects elements of a tensor, different ones in each sample, always including the one of largest magnitude.
fn some(tensor: &Tensor, sample: usize) -> Vec<f32> {
    let elements = tensor.slice::<f32>().unwrap_or_default();
    if elements.len() <= ELEMENTS {
        return elements.to_vec();
    }
    // Knuth's multiplicative hash: its period does not match that of channels or rows of an image.
    let place = |index: usize| (index.wrapping_mul(2_654_435_761).wrapping_add(sample * 40_503)) % elements.len();
    let largest = elements.iter().copied().fold(0.0f32, |most, v| if v.abs() > most.abs() { v } else { most });
    (1..ELEMENTS).map(|index| elements[place(index)]).chain([largest]).collect()
}

/// Returns the factor of a group, from 1 to 2: its best step times the factor is a power of two.
fn factor(group: &Group, observed: &BTreeMap<ValueId, u32>, seen: &BTreeMap<ValueId, Vec<f32>>) -> f32 {
    let narrow = |value: &&ValueId| observed.get(value) == Some(&8);
    let data: Vec<&[f32]> = group.values.iter().filter(narrow).filter_map(|v| seen.get(v).map(Vec::as_slice)).collect();
    let largest = |elements: &[f32]| elements.iter().fold(0.0f64, |most, v| most.max(f64::from(v.abs())));
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

fn error(elements: &[f32], step: f32) -> f64 {
    let (mut noise, mut signal) = (0.0f64, 0.0f64);
    for chunk in elements.chunks(1024) {
        let (mut n, mut s) = (0.0f32, 0.0f32);
        for &v in chunk {
            let rounded = (v / step).round_ties_even().clamp(-128.0, 127.0) * step;
            n += (rounded - v) * (rounded - v);
            s += v * v;
        }
        noise += f64::from(n);
        signal += f64::from(s);
    }
    noise / signal.max(f64::MIN_POSITIVE)
}
