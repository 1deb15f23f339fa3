//! Likely scales after a change of precision, before calibration: the most recent observations, and for ports without
//! one, observations of the float network: of kept activations, or in a pass over all samples.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::Result;
use crate::chip::Method;
use crate::exec::{Program, Samples, Tick};
use crate::graph::ValueId;

use super::calibrate::{asked, check, settle};
use super::observations::{Fingerprints, Observation, Observations};
use super::observe::{Elements, Extremes, Histogram, histogram_exponent, percentiles};
use super::plan::{Observed, Plan};
use super::{Quantized, finish};

/// Least number of kept samples from which a scale is guessed, unless there are fewer.
const FEWEST: usize = 4;

/// Float activations of the first samples.
pub trait Activations: Sync {
    /// Returns the number of samples.
    fn samples(&self) -> usize;
    /// Returns the elements of a value; `None` if they are not kept.
    fn elements(&self, sample: usize, value: ValueId) -> Option<&[f32]>;
}

/// Guesses every scale. Differs from calibration where the change moves a scale downstream of its layer, and where the
/// kept samples are not those of calibration. Returns `None` if more than half of the ports were never observed.
pub fn recall(
    mut plan: Plan,
    samples: &dyn Samples,
    known: &mut Observations,
    kept: &dyn Activations,
    tick: Tick,
) -> Result<Option<Quantized>> {
    let ports = plan.observed();
    check(&plan, samples, &ports)?;
    let first = Fingerprints::new(&plan, &plan.calibration()?);
    let recalled = |port: &Observed, known: &Observations| {
        let key = first.key(&first, port.value.0, port.method, plan.configs[port.config].bits);
        known.get(&key).or_else(|| known.recall(&asked(&plan, port)))
    };
    let missing: Vec<Observed> = ports.iter().copied().filter(|port| recalled(port, known).is_none()).collect();
    if 2 * missing.len() > ports.len() {
        return Ok(None);
    }
    if !missing.is_empty() && kept.samples() < samples.len().min(FEWEST) {
        in_float(&plan, &missing, samples, known, tick)?;
    }
    let of_kept = |port: &Observed| {
        let range = known.recall(&asked(&plan, port).range());
        let range = range.map_or(Extremes::EMPTY, |o| Extremes { min: o.min, max: o.max });
        observe(port, plan.configs[port.config].bits, range, kept)
    };
    let found: Vec<Option<Observation>> =
        ports.iter().map(|port| recalled(port, known).or_else(|| of_kept(port))).collect();
    for (port, observation) in ports.iter().zip(found) {
        if let Some(observation) = observation {
            settle(&mut plan, port, observation);
        }
    }
    Ok(Some(finish(plan)))
}

/// Observes the ports of a plan that were never observed, so that [`recall`] guesses from all samples: in one pass over the float
/// network, within the ranges of other widths.
pub fn foresee(plan: &Plan, samples: &dyn Samples, known: &mut Observations, tick: Tick) -> Result<()> {
    let ports = plan.observed();
    check(plan, samples, &ports)?;
    let missing: Vec<Observed> = ports.into_iter().filter(|port| known.recall(&asked(plan, port)).is_none()).collect();
    in_float(plan, &missing, samples, known, tick)
}

/// Observes ports in the float network; a first pass finds ranges that no width has.
fn in_float(
    plan: &Plan,
    ports: &[Observed],
    samples: &dyn Samples,
    known: &mut Observations,
    tick: Tick,
) -> Result<()> {
    let bits = |port: &Observed| plan.configs[port.config].bits;
    let program = Program::float(&plan.graph)?;
    let known_range = |port: &Observed| {
        let Observation { min, max, .. } = known.recall(&asked(plan, port).range())?;
        Some(Extremes { min, max })
    };
    let without: Vec<ValueId> =
        ports.iter().filter(|port| known_range(port).is_none()).map(|port| port.value).collect();
    let ranges = ranges(plan, &program, &without, samples, tick)?;
    let range = |port: &Observed| known_range(port).or_else(|| ranges.get(&port.value).copied());
    let ranged: Vec<(Observed, Extremes)> = ports.iter().filter_map(|port| Some((*port, range(port)?))).collect();
    let mut histograms: BTreeMap<(ValueId, usize), Mutex<Histogram>> = BTreeMap::new();
    for (port, range) in ranged.iter().filter(|(port, _)| port.method.takes_histogram()) {
        let bins = port.method.bins(bits(port));
        histograms.entry((port.value, bins)).or_insert_with(|| Mutex::new(Histogram::new(bins, range.magnitude())));
    }
    let is_percentile = |port: &Observed| port.method == Method::Percentile;
    let ranks = plan.graph.mask(ranged.iter().filter(|(port, _)| is_percentile(port)).map(|(port, _)| port.value));
    let wanted = plan.graph.mask(ranged.iter().map(|(port, _)| port.value));
    let by_sample = (0..samples.len()).into_par_iter().map(|sample| {
        let mut seen = BTreeMap::new();
        program.observe(&samples.sample(sample)?, &wanted, &mut |value, tensor| {
            let elements = tensor.slice::<f32>().unwrap_or_default();
            for (_, histogram) in histograms.range((value, 0)..=(value, usize::MAX)) {
                lock(histogram).add(Elements::F32(elements));
            }
            if ranks[value.0] {
                seen.insert(value, percentiles(elements.to_vec()));
            }
            Ok(())
        })?;
        tick()?;
        Ok(seen)
    });
    let by_sample: Vec<BTreeMap<ValueId, Extremes>> = by_sample.collect::<Result<_>>()?;
    let observations = ranged.par_iter().map(|(port, range)| {
        let each = || by_sample.iter().filter_map(|seen| seen.get(&port.value).copied()).collect::<Vec<_>>();
        let range = if is_percentile(port) { Extremes::mean(&each()) } else { *range };
        let exponent = match histograms.get(&(port.value, port.method.bins(bits(port)))) {
            Some(histogram) if port.method.takes_histogram() => {
                histogram_exponent(port.method, &lock(histogram), bits(port))
            }
            _ => range.exponent(bits(port)),
        };
        Observation { min: range.min, max: range.max, exponent }
    });
    let observations: Vec<Observation> = observations.collect();
    for ((port, _), observation) in ranged.iter().zip(observations) {
        known.foresee(&asked(plan, port), observation);
    }
    Ok(())
}

/// Returns the ranges of values over all samples.
fn ranges(
    plan: &Plan,
    program: &Program,
    values: &[ValueId],
    samples: &dyn Samples,
    tick: Tick,
) -> Result<BTreeMap<ValueId, Extremes>> {
    let mut ranges = BTreeMap::new();
    if values.is_empty() {
        return Ok(ranges);
    }
    let wanted = plan.graph.mask(values.iter().copied());
    let by_sample = (0..samples.len()).into_par_iter().map(|sample| {
        let mut seen = Vec::new();
        program.observe(&samples.sample(sample)?, &wanted, &mut |value, tensor| {
            let elements = Elements::F32(tensor.slice::<f32>().unwrap_or_default());
            seen.extend(Extremes::finite(elements).map(|range| (value, range)));
            Ok(())
        })?;
        tick()?;
        Ok(seen)
    });
    for (value, seen) in by_sample.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        let range = ranges.entry(value).or_insert(Extremes::EMPTY);
        *range = Extremes::union(&[*range, seen]);
    }
    Ok(ranges)
}

fn lock(histogram: &Mutex<Histogram>) -> MutexGuard<'_, Histogram> {
    histogram.lock().unwrap_or_else(PoisonError::into_inner)
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
