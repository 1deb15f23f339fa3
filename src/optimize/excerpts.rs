//! A spread of the elements of values over all samples, in float.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::Result;
use crate::exec::Program;
use crate::graph::{Tensor, ValueId};

use super::Work;

/// Elements of a value that are looked at in each sample.
const ELEMENTS: usize = 2048;

/// Some elements of each sample, one sample after the other, by value.
pub type Excerpts = BTreeMap<ValueId, Vec<f32>>;

/// Runs the float network over all samples.
pub fn look(work: &Work, values: impl Iterator<Item = ValueId>) -> Result<Excerpts> {
    let graph = &work.plan.graph;
    let wanted = graph.mask(values);
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
    let mut all = Excerpts::new();
    for (value, mut elements) in by_sample.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        all.entry(value).or_default().append(&mut elements);
    }
    Ok(all)
}

/// A spread of a tensor's elements, other ones in each sample, always with the one of largest magnitude.
fn some(tensor: &Tensor, sample: usize) -> Vec<f32> {
    let elements = tensor.slice::<f32>().unwrap_or_default();
    if elements.len() <= ELEMENTS {
        return elements.to_vec();
    }
    // Knuth's multiplicative hash: no period that channels or lines of an image share.
    let place = |index: usize| (index.wrapping_mul(2_654_435_761).wrapping_add(sample * 40_503)) % elements.len();
    let largest = elements.iter().copied().fold(0.0f32, |most, v| if v.abs() > most.abs() { v } else { most });
    (1..ELEMENTS).map(|index| elements[place(index)]).chain([largest]).collect()
}

/// Largest magnitude.
pub fn largest(elements: &[f32]) -> f64 {
    elements.iter().fold(0.0f64, |most, v| most.max(f64::from(v.abs())))
}

/// Noise-to-signal ratio of elements on 8 bits of a step.
pub fn error(elements: &[f32], step: f32) -> f64 {
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
