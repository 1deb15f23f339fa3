//! Likely scales after a change of precision, before calibration: the most recent observations, and for ports without
//! one, observations of kept float activations.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::Result;
use crate::chip::Method;
use crate::exec::{Program, Samples, Tick};
use crate::graph::{Tensor, ValueId};

use super::calibrate::{asked, check, settle};
use super::observations::{Asked, Fingerprints, Observation, Observations};
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
/// kept samples are fewer. Returns `None` if too few activations are kept, or if more than half of the ports were never
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
    let mut found: Vec<(Observed, Option<Observation>)> = ports.iter().map(|port| (*port, recalled(port))).collect();
    let missing = found.iter().filter(|(_, observation)| observation.is_none());
    let missing: Vec<ValueId> = missing.map(|(port, _)| port.value).collect();
    if 2 * missing.len() > ports.len() {
        return Ok(None);
    }
    let fewest = samples.len().min(FEWEST);
    let run;
    let kept = match kept.samples() >= fewest || missing.is_empty() {
        true => kept,
        false => {
            run = Run::of(&plan, &missing, samples, tick)?;
            &run
        }
    };
    if !missing.is_empty() && kept.samples() < fewest {
        return Ok(None);
    }
    for (port, observation) in found.iter_mut().filter(|(_, observation)| observation.is_none()) {
        let bits = plan.configs[port.config].bits;
        let asked = Asked { method: Method::MinMax, ..asked(&plan, port) };
        let range = known.recall(&asked).map_or(Extremes::EMPTY, |o| Extremes { min: o.min, max: o.max });
        *observation = observe(port, bits, range, kept);
    }
    let all: Option<Vec<(Observed, Observation)>> = found.into_iter().map(|(port, o)| Some((port, o?))).collect();
    Ok(all.map(|all| {
        all.into_iter().for_each(|(port, observation)| settle(&mut plan, &port, observation));
        finish(plan)
    }))
}

/// Values of a float run, for a process that has kept none.
struct Run(Vec<HashMap<ValueId, Tensor>>);

impl Run {
    /// Runs as many samples as there is room for.
    fn of(plan: &Plan, values: &[ValueId], samples: &dyn Samples, tick: Tick) -> Result<Run> {
        let mut wanted = vec![false; plan.graph.values.len()];
        values.iter().for_each(|value| wanted[value.0] = true);
        let elements = |value: &ValueId| plan.graph.value(*value).shape.as_ref().map_or(0, |s| s.iter().product());
        let bytes = 4 * values.iter().map(elements).sum::<usize>();
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
