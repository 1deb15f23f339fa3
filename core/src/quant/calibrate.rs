//! Calibration: two passes over the samples find the scales that the plan has left open.
//!
//! esp-ppq: `RuntimeCalibrationPass` in `optim/calibration.py`. Ranges and percentiles are determined in the first
//! pass. kl and mse need a second pass for their histograms, in which, as in esp-ppq, the ports of the first pass are
//! already quantized.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::exec::{Frontier, Program, Samples, Tick};
use crate::graph::{DataType, Node, NodeId, Tensor, ValueId};
use crate::note::Note;
use crate::{Error, Kind, Result};

use super::frontiers::Frontiers;
use super::histograms::Histograms;
use super::observations::{Asked, Fingerprints, Observation, Observations};
use super::observe::{Elements, Extremes, histogram_exponent, percentiles};
use super::plan::{Observed, Plan};
use super::{Quantized, finish};
use crate::chip::Method;
use crate::parallel;

/// Calibrates over all samples. Ports in `known` are not observed again; new observations are added to it.
pub fn calibrate(plan: Plan, samples: &dyn Samples, known: &mut Observations, tick: Tick) -> Result<Quantized> {
    resume(plan, samples, known, &mut Frontiers::new(0), Keep::Nothing, tick)
}

/// Frontiers of a calibration that stay for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// No frontiers: the plan is a trial, and the next one differs from the plan before it.
    Nothing,
    /// Frontiers of the last pass.
    LastPass,
}

/// Calibrates as [`calibrate`] does, from the frontiers of an earlier one with the same network and samples.
pub fn resume(
    mut plan: Plan,
    samples: &dyn Samples,
    known: &mut Observations,
    frontiers: &mut Frontiers,
    keep: Keep,
    tick: Tick,
) -> Result<Quantized> {
    plan.settle_chosen();
    let ports = plan.observed();
    check(&plan, samples, &ports)?;
    let mut calibration = Calibration { plan, samples, known, frontiers, keep, tick };
    calibration.run(&ports)?;
    Ok(finish(calibration.plan))
}

/// Observes every port without an observer of its own by each of `methods`, all in the same two passes over the samples:
/// [`calibrate`] with any of them then finds its observations in `known`.
pub fn observe(
    mut plan: Plan,
    methods: &[Method],
    samples: &dyn Samples,
    known: &mut Observations,
    tick: Tick,
) -> Result<()> {
    plan.settle_chosen();
    let ports = plan.observed_by(methods);
    check(&plan, samples, &ports)?;
    let mut frontiers = Frontiers::new(0);
    let mut calibration = Calibration { plan, samples, known, frontiers: &mut frontiers, keep: Keep::Nothing, tick };
    let simulation = calibration.plan.calibration()?;
    let first = Fingerprints::new(&calibration.plan, &simulation);
    let missing = calibration.missing(&ports, &first, &first);
    if missing.is_empty() {
        return Ok(());
    }
    let program = Program::simulated(&calibration.plan.graph, &simulation)?;
    let seen = calibration.first_pass(&program, &missing, &first, true)?;
    let (two_pass, one_pass): (Vec<Observed>, Vec<Observed>) = missing.iter().partition(|p| p.method.takes_histogram());
    calibration.keep_ranges(&one_pass, &seen, &first)?;
    calibration.keep_histograms(&program, &two_pass, &seen, &first, &first)
}

pub(super) fn asked<'a>(plan: &'a Plan, port: &Observed) -> Asked<'a> {
    let value = &plan.graph.value(port.value).name;
    Asked { value, edits: plan.equivalence, method: port.method, bits: plan.configs[port.config].bits }
}

pub(super) fn check(plan: &Plan, samples: &dyn Samples, ports: &[Observed]) -> Result<()> {
    if samples.is_empty() && !ports.is_empty() {
        return Err(Error::new("there are no samples to calibrate with")
            .at_key("calibration.data")
            .with_help("set calibration.data to files with at least one sample; 32 are usual"));
    }
    match ports.iter().find(|p| plan.configs[p.config].axis.is_some()) {
        Some(port) => Err(plan
            .in_layer(port.node, "its weights are computed while the model runs".to_owned())
            .with_help("make them constants: the scale of weights is per channel")),
        None => Ok(()),
    }
}

/// Run over all samples.
struct Pass<'p> {
    program: &'p Program,
    /// Frontiers to begin with, by sample.
    from: Option<&'p [Frontier]>,
    /// Nodes at which frontiers are kept.
    kept: Vec<NodeId>,
    /// Values to observe.
    wanted: Vec<bool>,
}

/// Memory in bytes for values of the first pass that the second one counts, if it would compute the same ones.
const KEPT: usize = 12 << 20;

/// Result of the first pass over one sample.
#[derive(Default)]
struct Sample {
    ranges: Ranges,
    /// Values to count; none if there is no memory for them.
    values: Vec<(ValueId, Tensor)>,
    frontiers: Vec<Frontier>,
}

impl Sample {
    /// Drops the values if they take more than `room`, in bytes.
    fn keep_within(&mut self, room: &AtomicUsize) {
        let bytes = self.values.iter().map(|(_, tensor)| tensor.len() * tensor.data_type().size()).sum();
        let left = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if left.is_err() {
            self.values = Vec::new();
        }
    }
}

/// Result of the first pass.
struct Seen {
    ranges: Ranges,
    /// Set if the second pass computes the same values.
    is_repeated: bool,
    /// Counts of values whose range was known before, from all samples.
    histograms: Histograms,
    /// Other values to count, by sample; none of a sample for which there was no memory.
    values: Vec<Vec<(ValueId, Tensor)>>,
}

impl Seen {
    /// Returns `true` if the first pass has counted the magnitudes of a value up to the greatest one.
    fn has_counted(&self, value: ValueId, bins: usize, range: Extremes) -> bool {
        self.histograms.get(value, bins).is_some_and(|histogram| histogram.upper == range.magnitude())
    }

    /// Returns all wanted values of a sample if the first pass has kept them.
    fn kept(&self, sample: usize, wanted: &[bool]) -> Option<impl Iterator<Item = (ValueId, Elements<'_>)>> {
        let values = self.values.get(sample)?;
        let found = values.iter().filter(|(value, _)| wanted[value.0]);
        let is_complete = found.clone().count() == wanted.iter().filter(|is_wanted| **is_wanted).count();
        is_complete.then(|| found.filter_map(|(value, tensor)| Some((*value, Elements::of(tensor)?))))
    }
}

struct Calibration<'a> {
    plan: Plan,
    samples: &'a dyn Samples,
    known: &'a mut Observations,
    frontiers: &'a mut Frontiers,
    keep: Keep,
    tick: Tick<'a>,
}

impl Calibration<'_> {
    fn run(&mut self, ports: &[Observed]) -> Result<()> {
        let (two_pass, one_pass): (Vec<Observed>, Vec<Observed>) =
            ports.iter().partition(|p| p.method.takes_histogram());
        let simulation = self.plan.calibration()?;
        let first = Fingerprints::new(&self.plan, &simulation);
        let missing_ranges = self.missing(&one_pass, &first, &first);
        if missing_ranges.is_empty() {
            self.activate(&one_pass, &first, &first);
            let second = Fingerprints::new(&self.plan, &self.plan.calibration()?);
            let missing = self.missing(&two_pass, &second, &first);
            if missing.is_empty() {
                self.activate(&two_pass, &second, &first);
                return Ok(());
            }
        }

        // Ranges upstream of a change are known; only the others are observed again.
        let program = Program::simulated(&self.plan.graph, &simulation)?;
        let wanted = match missing_ranges.is_empty() && one_pass.is_empty() {
            // If the first pass settles no port, the keys of the second pass are known before it.
            true => self.missing(&two_pass, &first, &first),
            false => [&missing_ranges[..], &two_pass].concat(),
        };
        let seen = self.first_pass(&program, &wanted, &first, one_pass.is_empty())?;
        self.keep_ranges(&missing_ranges, &seen, &first)?;
        self.activate(&one_pass, &first, &first);
        if two_pass.is_empty() {
            return Ok(());
        }

        let simulation = self.plan.calibration()?;
        let second = Fingerprints::new(&self.plan, &simulation);
        let program = if one_pass.is_empty() { program } else { Program::simulated(&self.plan.graph, &simulation)? };
        let missing = self.missing(&two_pass, &second, &first);
        self.keep_histograms(&program, &missing, &seen, &second, &first)?;
        self.activate(&two_pass, &second, &first);
        Ok(())
    }

    fn keep_ranges(&mut self, ports: &[Observed], seen: &Seen, first: &Fingerprints) -> Result<()> {
        for port in ports {
            let Extremes { min, max } = range(seen, port)?;
            let exponent = Extremes { min, max }.exponent(self.plan.configs[port.config].bits);
            let key = self.key(first, first, port);
            self.known.keep(key, &asked(&self.plan, port), Observation { min, max, exponent });
        }
        Ok(())
    }

    /// Stores histograms' exponents. `seen` are the ranges from the first pass.
    fn keep_histograms(
        &mut self,
        program: &Program,
        ports: &[Observed],
        seen: &Seen,
        second: &Fingerprints,
        first: &Fingerprints,
    ) -> Result<()> {
        let ranged = ports.iter().map(|port| Ok((*port, range(seen, port)?)));
        let ranged: Vec<(Observed, Extremes)> = ranged.collect::<Result<_>>()?;
        let exponents = self.second_pass(program, &ranged, seen, second)?;
        for ((port, Extremes { min, max }), exponent) in ranged.into_iter().zip(exponents) {
            let key = self.key(second, first, &port);
            self.known.keep(key, &asked(&self.plan, &port), Observation { min, max, exponent });
        }
        Ok(())
    }

    /// Returns the ports without an observation under these keys.
    fn missing(&self, ports: &[Observed], now: &Fingerprints, first: &Fingerprints) -> Vec<Observed> {
        ports.iter().copied().filter(|p| self.known.get(&self.key(now, first, p)).is_none()).collect()
    }

    fn key(&self, now: &Fingerprints, first: &Fingerprints, port: &Observed) -> String {
        now.key(first, port.value.0, port.method, self.plan.configs[port.config].bits)
    }

    fn activate(&mut self, ports: &[Observed], now: &Fingerprints, first: &Fingerprints) {
        for port in ports {
            if let Some(observation) = self.known.get(&self.key(now, first, port)) {
                settle(&mut self.plan, port, observation);
            }
        }
    }

    /// Computes ranges over all samples, and means of percentiles. If `is_repeated`, the second pass computes the same values.
    fn first_pass(
        &mut self,
        program: &Program,
        ports: &[Observed],
        now: &Fingerprints,
        is_repeated: bool,
    ) -> Result<Seen> {
        let values: BTreeMap<ObservedValue, Extremes> =
            ports.iter().map(|p| (observed_value(p), Extremes::EMPTY)).collect();
        let to_count = || ports.iter().filter(|p| p.method.takes_histogram());
        let is_last = is_repeated || to_count().next().is_none();
        let pass = self.pass(program, ports.iter().map(|p| p.value), now, is_last);
        let histograms = if is_repeated { self.bounded(program, to_count()) } else { Histograms::default() };
        let kept = if is_repeated { self.worth_keeping(&pass, to_count(), &histograms) } else { Vec::new() };
        let room = AtomicUsize::new(KEPT);
        let mut samples: Vec<Sample> = parallel::try_map(self.samples.len(), |index| {
            let mut sample = Sample { ranges: values.clone(), ..Sample::default() };
            sample.frontiers = self.sample(&pass, index, &mut |value, tensor, elements| {
                let extremes = Extremes::finite(elements).ok_or_else(|| self.not_finite(value, index))?;
                for percentile in [false, true] {
                    if let Some(entry) = sample.ranges.get_mut(&ObservedValue { value, percentile }) {
                        *entry = if percentile { percentiles(elements.to_f32()) } else { extremes };
                    }
                }
                histograms.count(value, elements);
                if kept.get(value.0) == Some(&true) {
                    sample.values.push((value, tensor.clone()));
                }
                Ok(())
            })?;
            sample.keep_within(&room);
            Ok(sample)
        })?;
        let frontiers = samples.iter_mut().map(|sample| std::mem::take(&mut sample.frontiers)).collect();
        self.frontiers.keep(&self.plan.graph, now, frontiers);
        let merged = values.into_keys().map(|value| {
            let seen: Vec<Extremes> = samples.iter().filter_map(|s| s.ranges.get(&value).copied()).collect();
            (value, if value.percentile { Extremes::mean(&seen) } else { Extremes::union(&seen) })
        });
        let ranges = merged.collect();
        Ok(Seen { ranges, is_repeated, histograms, values: samples.into_iter().map(|s| s.values).collect() })
    }

    /// Makes histograms for values whose range the network bounds: if a sample reaches the bound, as most layers with Relu6 do, the
    /// first pass has counted them.
    fn bounded<'p>(&self, program: &Program, ports: impl Iterator<Item = &'p Observed>) -> Histograms {
        let bounds: BTreeMap<ValueId, f64> = program.bounded().collect();
        Histograms::new(ports.filter_map(|port| Some((port.value, self.bins(port), *bounds.get(&port.value)?))))
    }

    /// Selects the values that the first pass keeps for the second one: all that it does not count, and of the others the smallest
    /// ones, since their histogram may turn out to be of no use. Of a whole network without bounds, only a few samples would have room:
    /// it keeps none.
    fn worth_keeping<'p>(
        &self,
        pass: &Pass,
        ports: impl Iterator<Item = &'p Observed>,
        histograms: &Histograms,
    ) -> Vec<bool> {
        let bytes = |value: ValueId| {
            let elements: usize = self.plan.graph.value(value).shape.iter().flatten().product();
            elements.saturating_mul(self.samples.len() * size_of::<f32>())
        };
        let sized: BTreeSet<(bool, usize, ValueId)> =
            ports.map(|port| (histograms.has(port.value), bytes(port.value), port.value)).collect();
        let (counted, others): (Vec<_>, Vec<_>) = sized.into_iter().partition(|(is_counted, _, _)| *is_counted);
        let mut room = KEPT;
        let needed: usize = others.iter().map(|(_, bytes, _)| bytes).sum();
        if needed > room && pass.from.is_none() {
            return Vec::new();
        }
        room = room.saturating_sub(needed);
        let small = counted.into_iter().take_while(|(_, bytes, _)| {
            let left = room.checked_sub(*bytes);
            room = left.unwrap_or_default();
            left.is_some()
        });
        let mut kept = self.plan.graph.mask(others.iter().map(|(_, _, value)| *value));
        small.for_each(|(_, _, value)| kept[value.0] = true);
        kept
    }

    /// Computes exponents of ports, in their order, from histograms: one for each value, number of bins and range. Samples whose values
    /// are kept do not run again.
    fn second_pass(
        &mut self,
        program: &Program,
        ports: &[(Observed, Extremes)],
        seen: &Seen,
        now: &Fingerprints,
    ) -> Result<Vec<i32>> {
        let is_left = |(port, range): &&(Observed, Extremes)| !seen.has_counted(port.value, self.bins(port), *range);
        let left: Vec<_> = ports.iter().filter(is_left).collect();
        let histograms =
            Histograms::new(left.iter().map(|(port, range)| (port.value, self.bins(port), range.magnitude())));
        // The first pass has left its frontiers if it is the same one.
        let pass = self.pass(program, left.iter().map(|(p, _)| p.value), now, !seen.is_repeated);
        let frontiers = parallel::try_map(self.samples.len(), |index| match seen.kept(index, &pass.wanted) {
            Some(values) => {
                values.for_each(|(value, elements)| histograms.count(value, elements));
                (self.tick)().map(|()| Vec::new())
            }
            None => self.sample(&pass, index, &mut |value, _, elements| {
                histograms.count(value, elements);
                Ok(())
            }),
        })?;
        self.frontiers.keep(&self.plan.graph, now, frontiers);
        parallel::try_map(ports.len(), |index| {
            let (port, range) = &ports[index];
            let bins = self.bins(port);
            let from = if seen.has_counted(port.value, bins, *range) { &seen.histograms } else { &histograms };
            let histogram = from.get(port.value, bins).ok_or_else(|| Error::new("a port has no histogram"))?;
            Ok(histogram_exponent(port.method, &histogram, self.plan.configs[port.config].bits))
        })
    }

    fn bins(&self, port: &Observed) -> usize {
        port.method.bins(self.plan.configs[port.config].bits)
    }

    fn pass<'p>(
        &'p self,
        program: &'p Program,
        values: impl Iterator<Item = ValueId>,
        now: &Fingerprints,
        is_last: bool,
    ) -> Pass<'p> {
        let graph = &self.plan.graph;
        let wanted = graph.mask(values);
        let keeps = is_last && self.keep == Keep::LastPass;
        let from = self.frontiers.before(graph, now, &wanted);
        let first = from.and_then(|samples| samples.first()).map_or(NodeId(0), Frontier::next);
        let kept = if keeps { self.frontiers.places(graph, first, &wanted, self.samples.len()) } else { Vec::new() };
        Pass { program, from, kept, wanted }
    }

    /// Runs one sample up to the last wanted value, and passes all wanted elements to the callback.
    fn sample(
        &self,
        pass: &Pass,
        index: usize,
        on_elements: &mut dyn FnMut(ValueId, &Tensor, Elements) -> Result<()>,
    ) -> Result<Vec<Frontier>> {
        let start = match pass.from.and_then(|samples| samples.get(index)) {
            Some(frontier) => frontier.clone(),
            None => pass.program.begin(&self.samples.sample(index)?)?,
        };
        let found = pass.program.observe_from(start, &pass.kept, &pass.wanted, &mut |value, tensor| {
            let elements = Elements::of(tensor).ok_or_else(|| self.not_float(value, tensor.data_type()))?;
            on_elements(value, tensor, elements)
        })?;
        (self.tick)().map(|()| found)
    }

    fn name(&self, value: ValueId) -> &str {
        &self.plan.graph.value(value).name
    }

    fn not_float(&self, value: ValueId, data_type: DataType) -> Error {
        let what = format!("{} is {}, but only float values can be quantized", self.name(value), data_type.name());
        let error = Error::new(what).with_help("compute it outside of the model, or with float values");
        match maker(&self.plan, value) {
            Some(node) => error.in_layer(&node.name),
            None => error,
        }
    }

    fn not_finite(&self, value: ValueId, sample: usize) -> Error {
        let what = format!("{} is infinite or not a number with sample {sample}", self.name(value));
        let error = Error::new(what).of_kind(Kind::NotFinite);
        match maker(&self.plan, value) {
            Some(node) => error.in_layer(&node.name).with_help(
                "look for a division by zero, a logarithm of zero or an overflow in this layer or before it",
            ),
            None => error.at_key("calibration.data").with_help("fix the sample: every element must be a finite number"),
        }
    }
}

/// Gives a port its scale.
pub(super) fn settle(plan: &mut Plan, port: &Observed, observation: Observation) {
    plan.configs.activate(port.config, vec![observation.exponent]);
    if observation.min == 0.0 && observation.max == 0.0 {
        note_zero(plan, port);
    }
}

/// Adds a note on a value of zeros only: it has no range, so it gets the smallest scale, and downstream errors are
/// meaningless.
fn note_zero(plan: &mut Plan, port: &Observed) {
    let name = &plan.graph.value(port.value).name;
    // Percentile ignores the few largest elements.
    let most = if port.method == Method::Percentile { "zero except for a few elements" } else { "zero" };
    let note = match maker(plan, port.value) {
        Some(node) => Note::of_layer(
            &node.name,
            format!(
                "its output '{name}' is {most} in every calibration sample, so its scale and all downstream errors are \
                     meaningless; check the weights before it, and that samples are preprocessed as in training"
            ),
        ),
        None => Note::new(format!(
            "calibration.data: input '{name}' is {most} in every calibration sample, so its scale is meaningless; \
                 use samples of the data that the chip will process"
        )),
    };
    if !plan.notes.contains(&note) {
        plan.notes.push(note);
    }
}

/// Returns the node that makes a value; `None` for an input.
fn maker(plan: &Plan, value: ValueId) -> Option<&Node> {
    plan.graph.nodes.iter().find(|n| n.outputs.contains(&Some(value)))
}

/// Ranges over samples; means of percentiles.
type Ranges = BTreeMap<ObservedValue, Extremes>;

/// Observation of a value in the first pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ObservedValue {
    value: ValueId,
    percentile: bool,
}

fn range(seen: &Seen, port: &Observed) -> Result<Extremes> {
    seen.ranges.get(&observed_value(port)).copied().ok_or_else(|| Error::new("a port has no range"))
}

fn observed_value(port: &Observed) -> ObservedValue {
    ObservedValue { value: port.value, percentile: port.method == Method::Percentile }
}
