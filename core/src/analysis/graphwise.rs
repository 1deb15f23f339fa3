//! Cumulative error: the whole graph simulated, compared with the whole graph in float.
//!
//! esp-ppq: `quantization/analyse/graphwise.py`, here over every element instead of a random sample.

use std::cell::OnceCell;

use crate::Result;
use crate::detect::FoundBoxes;
use crate::exec::{Frontier, Program, Samples};
use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::parallel;

use super::compare::Comparison;
use super::decisive::decisive;
use super::float_samples::FloatSamples;
use super::joints::{self, Joint, PartSums, Watched as Joined, watched as watched_joints};
use super::sample_frontiers::SampleFrontiers;
use super::simulated_samples::{Simulated, SimulatedSamples};
use super::{Agreement, ErrorFigures, Spread, Subject};

/// Errors with the whole graph quantized, means over the samples.
pub struct Graphwise {
    /// Error at the first output of each requested node, after its quantization.
    pub layers: Vec<ErrorFigures>,
    /// Errors of the model's outputs.
    pub outputs: Vec<ErrorFigures>,
    /// Decisions that the outputs share with those in float; `None` for shapes other than `[1, N]`.
    pub agreement: Vec<Option<Agreement>>,
    /// Standard errors of the noise-to-signal ratios of `layers`.
    pub layer_spread: Vec<f64>,
    /// Standard errors of the noise-to-signal ratios of `outputs`.
    pub output_spread: Vec<f64>,
    /// Concats that join values of very different ranges: those that make outputs, and with `nodes` all others.
    pub joints: Vec<Joint>,
    /// Boxes of the float network beside those of the simulation, if the network is a detector.
    pub boxes: Option<FoundBoxes>,
}

/// Runs the first `count` samples through both programs and compares the first output of `nodes`. `originals` and `earlier` belong to
/// these samples and this float program. The first `same(sample)` nodes were simulated in `earlier` as they are now: those are
/// not run again, in either program. Both get what the next measurement resumes; `earlier` only with `nodes`.
pub fn graphwise(
    subject: &Subject,
    nodes: &[NodeId],
    originals: &mut FloatSamples,
    earlier: &mut SimulatedSamples,
    same: &(dyn Fn(usize) -> usize + Sync),
) -> Result<Graphwise> {
    let &Subject { graph, samples, count, tick, .. } = subject;
    let watched: Vec<ValueId> = nodes.iter().filter_map(|&n| first_output(graph, n)).collect();
    let joints = watched_joints(subject, !nodes.is_empty());
    let count = count.min(samples.len());
    let places = if nodes.is_empty() { Vec::new() } else { earlier.places(graph, count) };
    let by_sample = parallel::try_map(count, |s| {
        let before = earlier.before(s, same(s), &watched);
        let sample = Sample { samples, index: s, read: OnceCell::new(), originals, before };
        let (mut simulated, mut float) = compare(subject, &watched, &joints, &sample, &places)?;
        simulated.frontiers.fit(earlier.share(count));
        float.frontiers.fit(originals.share(count));
        tick()?;
        Ok((simulated, float))
    })?;
    let (by_sample, floats): (Vec<Simulated>, Vec<Float>) = by_sample.into_iter().unzip();
    let (outputs, frontiers) = floats.into_iter().map(|float| (float.outputs, float.frontiers)).unzip();
    originals.keep_outputs(outputs);
    let found = summary(graph, &by_sample, watched.len(), &joints);
    if !nodes.is_empty() {
        originals.keep_frontiers(frontiers);
        earlier.keep(watched, by_sample);
    }
    Ok(found)
}

fn summary(graph: &Graph, by_sample: &[Simulated], watched: usize, joints: &[Joined]) -> Graphwise {
    let outputs = graph.outputs.len();
    let mut sums = vec![Comparison::default(); watched + outputs];
    let mut ratios = vec![Vec::new(); sums.len()];
    // In sample order, so that figures do not depend on the number of threads.
    for sample in by_sample {
        for ((sum, ratios), &one) in sums.iter_mut().zip(&mut ratios).zip(&sample.compared) {
            ratios.push(one.mean().nsr);
            sum.add(one);
        }
    }
    let means: Vec<ErrorFigures> = sums.iter().map(Comparison::mean).collect();
    let spread: Vec<f64> = ratios.iter().map(|ratios| Spread::of(ratios).standard_error).collect();
    let ((layers, outputs), (layer_spread, output_spread)) = (means.split_at(watched), spread.split_at(watched));
    Graphwise {
        layers: layers.to_vec(),
        outputs: outputs.to_vec(),
        agreement: sums[watched..].iter().map(Comparison::agreement).collect(),
        layer_spread: layer_spread.to_vec(),
        output_spread: output_spread.to_vec(),
        joints: joints
            .iter()
            .enumerate()
            .filter_map(|(at, joint)| joint.joint(graph, &sums_of(by_sample, at)))
            .collect(),
        boxes: boxes(by_sample),
    }
}

/// Sums by part of one joint, by sample.
fn sums_of(by_sample: &[Simulated], joint: usize) -> Vec<&[PartSums]> {
    by_sample.iter().filter_map(|sample| sample.joined.get(joint)?.as_deref()).collect()
}

fn boxes(by_sample: &[Simulated]) -> Option<FoundBoxes> {
    let each: Option<Vec<FoundBoxes>> = by_sample.iter().map(|sample| sample.boxes).collect();
    each.filter(|each| !each.is_empty()).map(FoundBoxes::sum)
}

/// Sample to compare, with earlier results.
struct Sample<'a> {
    samples: &'a dyn Samples,
    index: usize,
    /// Its inputs, once they were needed: an image is decoded for them.
    read: OnceCell<Vec<Tensor>>,
    originals: &'a FloatSamples,
    /// Its last simulation, and the frontier to resume.
    before: Option<(&'a Simulated, &'a Frontier)>,
}

impl Sample<'_> {
    fn inputs(&self) -> Result<&[Tensor]> {
        match self.read.get() {
            Some(read) => Ok(read),
            None => self.samples.sample(self.index).map(|inputs| self.read.get_or_init(|| inputs).as_slice()),
        }
    }
}

/// Sample in float.
struct Float {
    outputs: Vec<Tensor>,
    frontiers: SampleFrontiers,
}

/// Compares one sample: one comparison per watched value, then one per output of the model. Also returns the sample in float.
///
/// Both programs run node by node, so that a pair of values is freed when it has been compared.
fn compare(
    subject: &Subject,
    watched: &[ValueId],
    joints: &[Joined],
    sample: &Sample,
    places: &[NodeId],
) -> Result<(Simulated, Float)> {
    let &Subject { graph, simulated, float, .. } = subject;
    let mut ours = match sample.before {
        Some((_, frontier)) => frontier.clone(),
        None => simulated.begin(sample.inputs()?)?,
    };
    let resumed = ours.next();
    let inner = joints.iter().map(|joint| joint.value).filter(|value| !graph.outputs.contains(value));
    let wanted = graph.mask(watched.iter().copied().chain(inner));
    let mut reference = Reference::begin(subject, &wanted, sample, resumed)?;
    let mut frontiers = sample.before.map(|(before, _)| before.frontiers.until(resumed)).unwrap_or_default();
    let mut pairs = Pairs::new(graph, joints);
    for node in graph.node_ids().skip(resumed.0) {
        if node > resumed && places.contains(&node) {
            frontiers.push(&ours);
            reference.keep();
        }
        let next = NodeId(node.0 + 1);
        reference.proceed(float, next, &wanted)?;
        simulated.proceed(&mut ours, next, &wanted, &mut |value, tensor| pairs.add(value, tensor))?;
        pairs.compare(&mut reference.values)?;
    }
    let outputs = simulated.outputs(&ours)?;
    let Pairs { found, mut joined, .. } = pairs;
    let float = reference.finish(float)?;

    let earlier = |at: usize| sample.before.and_then(|(before, _)| before.compared.get(at).copied());
    let compared = watched.iter().enumerate().map(|(at, v)| found[v.0].or_else(|| earlier(at)).unwrap_or_default());
    let mut compared: Vec<Comparison> = compared.collect();
    for (simulated, float) in outputs.iter().zip(&float.outputs) {
        compared.push(Comparison::of(simulated, float)?);
    }
    joints::of_outputs(graph, joints, &outputs, &float.outputs, &mut joined)?;
    // Without watched values, the earlier joints are others.
    if let Some((before, _)) = sample.before.filter(|_| !watched.is_empty()) {
        for (sums, earlier) in joined.iter_mut().zip(&before.joined).filter(|(sums, _)| sums.is_none()) {
            sums.clone_from(earlier);
        }
    }
    let boxes = subject.detector.and_then(|detector| FoundBoxes::of(detector, &float.outputs, &outputs));
    Ok((Simulated { frontiers, compared, joined, boxes }, float))
}

/// Run of a sample in float, beside its simulation.
struct Reference {
    /// State of the run; `None` if the outputs are known, and no other value is compared.
    run: Option<Frontier>,
    /// Values that are not compared yet, by id.
    values: Vec<Option<Tensor>>,
    /// Outputs of the model, if they do not come from the run.
    outputs: Option<Vec<Tensor>>,
    /// Frontiers up to the state.
    frontiers: SampleFrontiers,
}

impl Reference {
    /// Begins before node `first`. The outputs and the values that decide them are those of the original network: no pass scales these.
    fn begin(subject: &Subject, wanted: &[bool], sample: &Sample, first: NodeId) -> Result<Reference> {
        let &Subject { graph, original, float, .. } = subject;
        let Sample { originals, index, .. } = *sample;
        let is_watching = wanted.contains(&true);
        let is_original = std::ptr::eq(original, float);
        let mut values = vec![None; graph.values.len()];
        let mut outputs = originals.outputs(index).map(<[Tensor]>::to_vec);
        if !is_original && (outputs.is_none() || is_watching) {
            let deciding = graph.mask(decisive(graph).into_iter().filter(|value| wanted[value.0]));
            outputs = Some(original.run(sample.inputs()?, &deciding, &mut |value, tensor| {
                values[value.0] = Some(tensor.clone());
                Ok(())
            })?);
        }
        let mut run = None;
        if is_watching || outputs.is_none() {
            let mut begun = match originals.before(index, first) {
                Some(frontier) => frontier.clone(),
                None => float.begin(sample.inputs()?)?,
            };
            float.proceed(&mut begun, first, &[], &mut |_, _| Ok(()))?;
            run = Some(begun);
        }
        Ok(Reference { run, values, outputs, frontiers: originals.until(index, first) })
    }

    /// Runs the nodes before `until`.
    fn proceed(&mut self, float: &Program, until: NodeId, wanted: &[bool]) -> Result<()> {
        let Some(run) = &mut self.run else { return Ok(()) };
        float.proceed(run, until, wanted, &mut |value, tensor| {
            self.values[value.0].get_or_insert_with(|| tensor.clone());
            Ok(())
        })
    }

    /// Keeps the state.
    fn keep(&mut self) {
        self.run.iter().for_each(|run| self.frontiers.push(run));
    }

    fn finish(self, float: &Program) -> Result<Float> {
        let outputs = match (self.outputs, &self.run) {
            (None, Some(run)) => float.outputs(run)?,
            (known, _) => known.unwrap_or_default(),
        };
        Ok(Float { outputs, frontiers: self.frontiers })
    }
}

/// Simulated values beside those in float.
struct Pairs<'a> {
    joints: &'a [Joined],
    /// Simulated values whose float value does not exist yet.
    waiting: Vec<(ValueId, Tensor)>,
    /// Comparisons by value.
    found: Vec<Option<Comparison>>,
    /// Sums by part of each joint.
    joined: Vec<Option<Vec<PartSums>>>,
}

impl<'a> Pairs<'a> {
    fn new(graph: &Graph, joints: &'a [Joined]) -> Pairs<'a> {
        let (found, joined) = (vec![None; graph.values.len()], vec![None; joints.len()]);
        Pairs { joints, waiting: Vec::new(), found, joined }
    }

    fn add(&mut self, value: ValueId, simulated: &Tensor) -> Result<()> {
        self.waiting.push((value, simulated.clone()));
        Ok(())
    }

    /// Compares the values of which both exist, and frees them.
    fn compare(&mut self, floats: &mut [Option<Tensor>]) -> Result<()> {
        for (value, simulated) in std::mem::take(&mut self.waiting) {
            let Some(float) = floats[value.0].take() else {
                self.waiting.push((value, simulated));
                continue;
            };
            self.found[value.0] = Some(Comparison::of(&simulated, &float)?);
            for (joint, sums) in self.joints.iter().zip(&mut self.joined).filter(|(joint, _)| joint.value == value) {
                *sums = joint.compare(&simulated, &float)?;
            }
        }
        Ok(())
    }
}

pub(super) fn first_output(graph: &Graph, node: NodeId) -> Option<ValueId> {
    graph.node(node).outputs.first().copied().flatten()
}
