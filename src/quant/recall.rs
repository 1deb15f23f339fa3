//! Likely scales after a change of precision, before calibration: the most recent observations, and for ports without
//! one, observations of kept float activations.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::Result;
use crate::chip::Method;
use crate::exec::{Program, Samples, Tick};
use crate::graph::{Tensor, ValueId};

use super::calibrate::{asked, check, settle};
use super::observations::{Fingerprints, Observation, Observations};
use super::observe::{Elements, Extremes, Histogram, histogram_exponent, percentiles};
use super::plan::{Observed, Plan};
use super::{Quantized, finish};

/// Least number of samples from which a scale is guessed, unless there are fewer.
const FEWEST: usize = 4;
/// Memory for the values of a run, in bytes.
const ROOM: usize = 256 << 20;

/// Float activations of the first samples.
pub trait Activations: Sync {
    /// Returns the number of samples.
    fn samples(&self) -> usize;
    /// Returns the elements of a value; `None` if they are not kept.
    fn elements(&self, sample: usize, value: ValueId) -> Option<&[f32]>;
}

/// Guesses every scale. Differs from calibration where the change moves a scale downstream of its layer, and where the
/// kept samples are not those of calibration. Returns `None` if too few activations are kept, or if more than half of the ports were never
/// observed.
pub fn recall(
    mut plan: Plan,
    samples: &dyn Samples,
    known: &Observations,
    kept: &dyn Activations,
    tick: Tick,
) -> Result<Option<Quantized>> {
    let ports = plan.observed();
    check(&plan, samples, &ports)?;
    let first = Fingerprints::new(&plan, &plan.calibration()?);
    let recalled = |port: &Observed| {
        let key = first.key(&first, port.value.0, port.method, plan.configs[port.config].bits);
        known.get(&key).or_else(|| known.recall(&asked(&plan, port)))
    };
    let found: Vec<(Observed, Option<Observation>)> = ports.iter().map(|port| (*port, recalled(port))).collect();
    let missing = found.iter().filter(|(_, observation)| observation.is_none());
    let missing: Vec<Observed> = missing.map(|(port, _)| *port).collect();
    if 2 * missing.len() > ports.len() {
        return Ok(None);
    }
    let Some(seen) = observe_all(&plan, &missing, samples, known, kept, tick)? else { return Ok(None) };
    let mut seen = seen.into_iter();
    for (port, observation) in found {
        if let Some(observation) = observation.or_else(|| seen.next()) {
            settle(&mut plan, &port, observation);
        }
    }
    Ok(Some(finish(plan)))
}

/// Observes ports in kept activations, or in a run where too few are kept; `None` where there is no room for a run.
fn observe_all(
    plan: &Plan,
    ports: &[Observed],
    samples: &dyn Samples,
    known: &Observations,
    kept: &dyn Activations,
    tick: Tick,
) -> Result<Option<Vec<Observation>>> {
    let is_enough = |kept: &dyn Activations| ports.is_empty() || kept.samples() >= samples.len().min(FEWEST);
    let run;
    let kept = match is_enough(kept) {
        true => kept,
        false => {
            run = Run::of(plan, ports, samples, tick)?;
            &run
        }
    };
    if !is_enough(kept) {
        return Ok(None);
    }
    let observation = |port: &Observed| {
        let range = known.recall(&asked(plan, port).range());
        let range = range.map_or(Extremes::EMPTY, |o| Extremes { min: o.min, max: o.max });
        observe(port, plan.configs[port.config].bits, range, kept)
    };
    Ok(ports.iter().map(observation).collect())
}

/// Values of a float run, for a process that has kept none.
struct Run(Vec<HashMap<ValueId, Tensor>>);

impl Run {
    /// Runs as many samples as there is room for.
    fn of(plan: &Plan, ports: &[Observed], samples: &dyn Samples, tick: Tick) -> Result<Run> {
        let wanted = plan.graph.mask(ports.iter().map(|port| port.value));
        let elements: usize = ports.iter().map(|port| plan.graph.elements(port.value)).sum();
        let bytes = elements * size_of::<f32>();
        let count = samples.len().min(ROOM / bytes.max(1));
        let program = Program::float(&plan.graph)?;
        let run = (0..count).into_par_iter().map(|sample| {
            let mut found = HashMap::new();
            program.observe(&samples.sample(sample)?, &wanted, &mut |value, tensor| {
                found.insert(value, tensor.clone());
                Ok(())
            })?;
            tick()?;
            Ok(found)
        });
        Ok(Run(run.collect::<Result<_>>()?))
    }
}

impl Activations for Run {
    fn samples(&self) -> usize {
        self.0.len()
    }

    fn elements(&self, sample: usize, value: ValueId) -> Option<&[f32]> {
        self.0.get(sample)?.get(&value)?.slice()
    }
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
