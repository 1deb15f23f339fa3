//! Likely scales after a change of precision, before calibration: the most recent observations, and for ports without
//! one, observations of the float network: of kept activations, or in a pass over all samples.

use rayon::prelude::*;

use crate::Result;
use crate::chip::Method;
use crate::exec::{Samples, Tick};
use crate::graph::ValueId;

use super::calibrate::{asked, check, settle};
use super::observations::{Fingerprints, Observation, Observations};
use super::observe::{Elements, Extremes, Histogram, histogram_exponent, percentiles};
use super::plan::{Observed, Plan};
use super::predict::{self, Effort};
use super::{Quantized, finish};

/// Least number of kept samples from which a scale is guessed, unless there are fewer.
const FEWEST: usize = 4;

/// Effort of a guess that is shown until calibration has ended.
const WHOLE: Effort = Effort { samples: usize::MAX, bits: u32::MAX };

/// Float activations of the first samples.
pub trait Activations: Sync {
    /// Returns the number of samples.
    fn samples(&self) -> usize;
    /// Returns the elements of a value; `None` if they are not kept.
    fn elements(&self, sample: usize, value: ValueId) -> Option<&[f32]>;
}

/// Source of scales of 16 bits that a histogram would choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wide {
    /// Earlier observations, and where there are none, the float network.
    Observed,
    /// Predictions by [`super::predict()`], and else as observed.
    Predicted,
}

/// Guesses every scale. Differs from calibration where the change moves a scale downstream of its layer, and where the
/// kept samples are not those of calibration. Returns `None` if more than half of the ports were never observed.
pub fn recall(
    mut plan: Plan,
    samples: &dyn Samples,
    known: &mut Observations,
    kept: &dyn Activations,
    wide: Wide,
    tick: Tick,
) -> Result<Option<Quantized>> {
    let ports = plan.observed();
    check(&plan, samples, &ports)?;
    let first = Fingerprints::new(&plan, &plan.calibration()?);
    let latest = |port: &Observed, known: &Observations| known.recall(&asked(&plan, port));
    let bits = |port: &Observed| plan.configs[port.config].bits;
    let recalled = |port: &Observed| {
        let predicted = known.predicted(&asked(&plan, port));
        if wide == Wide::Predicted && predicted.is_some() {
            return predicted;
        }
        let key = first.key(&first, port.value.0, port.method, bits(port));
        known.get(&key).or_else(|| latest(port, known))
    };
    let mut found: Vec<Option<Observation>> = ports.iter().map(recalled).collect();
    let missing = ports.iter().zip(&found).filter(|(_, observation)| observation.is_none());
    let missing: Vec<Observed> = missing.map(|(port, _)| *port).collect();
    if 2 * missing.len() > ports.len() {
        return Ok(None);
    }
    let is_kept = kept.samples() >= samples.len().min(FEWEST);
    if !missing.is_empty() && !is_kept {
        for (port, observation) in predict::observe_float(&plan, &missing, samples, &WHOLE, known, tick)? {
            known.keep_newest(&asked(&plan, &port), observation);
        }
    }
    for (port, observation) in ports.iter().zip(&mut found).filter(|(_, observation)| observation.is_none()) {
        *observation = match is_kept {
            true => {
                let range = known.range(&asked(&plan, port)).unwrap_or(Extremes::EMPTY);
                observe(port, plan.configs[port.config].bits, range, kept)
            }
            false => latest(port, known),
        };
    }
    for (port, observation) in ports.iter().zip(found) {
        if let Some(observation) = observation {
            settle(&mut plan, port, observation);
        }
    }
    Ok(Some(finish(plan)))
}

/// Observes a port in kept activations; `range` is that of more samples, as far as it is known.
fn observe(port: &Observed, bits: u32, range: Extremes, kept: &dyn Activations) -> Option<Observation> {
    let samples = (0..kept.samples()).map(|sample| kept.elements(sample, port.value));
    let samples: Vec<&[f32]> = samples.collect::<Option<_>>()?;
    let of_sample = |elements: &&[f32]| match port.method {
        Method::Percentile => Some(percentiles(elements.to_vec())),
        _ => Extremes::finite(Elements::F32(elements)),
    };
    let each: Vec<Extremes> = samples.par_iter().map(of_sample).collect::<Option<_>>()?;
    let range = match port.method {
        Method::Percentile => Extremes::mean(&each),
        _ => Extremes::union(&[&each[..], &[range]].concat()),
    };
    let exponent = match port.method.takes_histogram() {
        true => histogram_exponent(port.method, &histogram(&samples, port.method.bins(bits), range), bits),
        false => range.exponent(bits),
    };
    Some(Observation { min: range.min, max: range.max, exponent })
}

/// Counts in parts, one for each thread: a histogram of 16 bits exceeds the processor's caches.
fn histogram(samples: &[&[f32]], bins: usize, range: Extremes) -> Histogram {
    let empty = || Histogram::new(bins, range.magnitude());
    let part = samples.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts = samples.par_chunks(part).map(|part| {
        let mut histogram = empty();
        part.iter().for_each(|elements| histogram.add(Elements::F32(elements)));
        histogram
    });
    parts.reduce(empty, |mut sum, part| {
        sum.counts.iter_mut().zip(&part.counts).for_each(|(a, b)| *a += b);
        sum
    })
}
