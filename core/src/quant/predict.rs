//! Observations of the float network, which predict those of calibration at another width: in one pass over the samples, where the
//! ranges of values are known.
//!
//! A search predicts all scales of 16 bits that a histogram would choose before it begins, in one way: those that a trial has observed
//! would make sets with its layers look better or worse than others.

use std::collections::BTreeMap;

use crate::Result;
use crate::chip::Method;
use crate::exec::{OnValue, Program, Samples, Tick};
use crate::graph::{Tensor, ValueId};
use crate::parallel;

use super::calibrate::{asked, check};
use super::histograms::Histograms;
use super::observations::{Observation, Observations};
use super::observe::{Elements, Extremes, histogram_exponent, percentiles};
use super::plan::{Observed, Plan};

/// The float network over samples.
pub trait FloatRuns: Sync {
    /// Returns the number of samples.
    fn samples(&self) -> usize;
    /// Runs one sample up to the last of the `wanted` values, and passes these to `on_value`.
    fn observe(&self, sample: usize, wanted: &[bool], on_value: OnValue) -> Result<()>;
}

/// The float network from its inputs on.
pub(super) struct Whole<'a> {
    program: Program,
    samples: &'a dyn Samples,
}

impl Whole<'_> {
    pub fn new<'a>(plan: &Plan, samples: &'a dyn Samples) -> Result<Whole<'a>> {
        Ok(Whole { program: Program::float(&plan.graph)?, samples })
    }
}

impl FloatRuns for Whole<'_> {
    fn samples(&self) -> usize {
        self.samples.len()
    }

    fn observe(&self, sample: usize, wanted: &[bool], on_value: OnValue) -> Result<()> {
        self.program.observe(&self.samples.sample(sample)?, wanted, on_value)
    }
}

/// Share of the work of calibration that a prediction takes.
pub(super) struct Effort {
    /// Samples at most.
    pub samples: usize,
    /// Bits at most that a histogram has bins for. kl compares the same 32 ranges with any.
    pub bits: u32,
}

/// Effort of a guess that calibration confirms or refutes.
const GUESS: Effort = Effort { samples: 8, bits: 13 };

/// Returns `true` if a search takes the scale of a port from a prediction.
fn is_predicted(plan: &Plan, port: &Observed) -> bool {
    port.method.takes_histogram() && plan.configs[port.config].bits >= 16
}

/// Predicts the ports of a plan that a search takes from predictions.
pub fn predict(plan: &Plan, samples: &dyn Samples, known: &mut Observations, tick: Tick) -> Result<()> {
    let ports = plan.observed();
    check(plan, samples, &ports)?;
    let is_missing = |port: &Observed| is_predicted(plan, port) && known.predicted(&asked(plan, port)).is_none();
    let missing: Vec<Observed> = ports.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for (port, observation) in observe_float(plan, &missing, &Whole::new(plan, samples)?, &GUESS, known, tick)? {
        known.keep_prediction(&asked(plan, &port), observation);
    }
    Ok(())
}

/// Observes ports in the float network. A port whose value is not finite stays unknown.
pub(super) fn observe_float(
    plan: &Plan,
    ports: &[Observed],
    runs: &dyn FloatRuns,
    effort: &Effort,
    known: &Observations,
    tick: Tick,
) -> Result<Vec<(Observed, Observation)>> {
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let float = Float { plan, runs, effort, tick };
    let known_range = |port: &Observed| known.range(&asked(plan, port));
    let without = ports.iter().filter(|port| known_range(port).is_none());
    let ranges = float.ranges(&without.map(|port| port.value).collect::<Vec<_>>())?;
    let range = |port: &Observed| known_range(port).or_else(|| ranges.get(&port.value).copied());
    let ranged: Vec<(Observed, Extremes)> = ports.iter().filter_map(|port| Some((*port, range(port)?))).collect();
    let seen = float.seen(&ranged)?;
    let observation = |index: usize| {
        let (port, range) = &ranged[index];
        float.observation(&seen, port, *range)
    };
    let observations = parallel::map(ranged.len(), observation);
    Ok(ranged.into_iter().map(|(port, _)| port).zip(observations).collect())
}

/// The float network over the samples.
struct Float<'a> {
    plan: &'a Plan,
    runs: &'a dyn FloatRuns,
    effort: &'a Effort,
    tick: Tick<'a>,
}

/// Statistics of values over all samples.
struct Seen {
    /// Counts of magnitudes, by value and number of bins.
    histograms: Histograms,
    /// Means of the samples' percentiles.
    percentiles: BTreeMap<ValueId, Extremes>,
}

impl Float<'_> {
    /// Returns the ranges of values.
    fn ranges(&self, values: &[ValueId]) -> Result<BTreeMap<ValueId, Extremes>> {
        let each = self.observed(values, |_, elements| Extremes::finite(Elements::F32(elements)))?;
        Ok(each.into_iter().map(|(value, ranges)| (value, Extremes::union(&ranges))).collect())
    }

    fn seen(&self, ports: &[(Observed, Extremes)]) -> Result<Seen> {
        let counted = ports.iter().filter(|(port, _)| port.method.takes_histogram());
        let histograms = Histograms::new(counted.map(|(port, range)| (port.value, self.bins(port), range.magnitude())));
        let is_ranked = |(port, _): &&(Observed, Extremes)| port.method == Method::Percentile;
        let ranked = self.plan.graph.mask(ports.iter().filter(is_ranked).map(|(port, _)| port.value));
        let values: Vec<ValueId> = ports.iter().map(|(port, _)| port.value).collect();
        let each = self.observed(&values, |value, elements| {
            histograms.count(value, Elements::F32(elements));
            ranked[value.0].then(|| percentiles(elements.to_vec()))
        })?;
        let percentiles = each.into_iter().map(|(value, each)| (value, Extremes::mean(&each))).collect();
        Ok(Seen { histograms, percentiles })
    }

    /// Runs all samples, and returns what `of` makes of the values' elements, in the samples' order.
    fn observed<T: Send>(
        &self,
        values: &[ValueId],
        of: impl Fn(ValueId, &[f32]) -> Option<T> + Sync,
    ) -> Result<BTreeMap<ValueId, Vec<T>>> {
        let mut all: BTreeMap<ValueId, Vec<T>> = BTreeMap::new();
        if values.is_empty() {
            return Ok(all);
        }
        let wanted = self.plan.graph.mask(values.iter().copied());
        let by_sample = parallel::try_map(self.runs.samples().min(self.effort.samples), |sample| {
            let mut seen = Vec::new();
            self.runs.observe(sample, &wanted, &mut |value, tensor: &Tensor| {
                let elements = tensor.slice::<f32>().unwrap_or_default();
                seen.extend(of(value, elements).map(|made| (value, made)));
                Ok(())
            })?;
            (self.tick)()?;
            Ok(seen)
        })?;
        for (value, made) in by_sample.into_iter().flatten() {
            all.entry(value).or_default().push(made);
        }
        Ok(all)
    }

    fn observation(&self, seen: &Seen, port: &Observed, range: Extremes) -> Observation {
        let bits = self.plan.configs[port.config].bits;
        let percentiles = seen.percentiles.get(&port.value).filter(|_| port.method == Method::Percentile);
        let range = percentiles.copied().unwrap_or(range);
        let histogram = seen.histograms.get(port.value, self.bins(port));
        let exponent = match histogram.filter(|_| port.method.takes_histogram()) {
            Some(histogram) => {
                let counted = self.counted_bits(port);
                histogram_exponent(port.method, &histogram, counted) - (bits - counted) as i32
            }
            None => range.exponent(bits),
        };
        Observation { min: range.min, max: range.max, exponent }
    }

    fn counted_bits(&self, port: &Observed) -> u32 {
        self.plan.configs[port.config].bits.min(self.effort.bits)
    }

    fn bins(&self, port: &Observed) -> usize {
        port.method.bins(self.counted_bits(port))
    }
}
