//! Cumulative error: the whole graph simulated, compared with the whole graph in float.
//!
//! esp-ppq: `quantization/analyse/graphwise.py`, here over every element instead of a random sample.

use std::cell::OnceCell;

use rayon::prelude::*;

use crate::Result;
use crate::detect::FoundBoxes;
use crate::exec::{Frontier, Program, Samples, Trace};
use crate::graph::{Graph, NodeId, Tensor, ValueId};

use super::compare::Comparison;
use super::decisive::decisive;
use super::float_traces::{FloatTraces, Original};
use super::joints::{self, Joint, PartSums, Watched as Joined, watched as watched_joints};
use super::simulated_traces::{Simulated, SimulatedTraces};
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

/// Runs the first `count` samples through both programs and compares the first output of `nodes`. Samples whose values are in
/// `originals` are not run in float again; it gets the outputs of the others.
///
/// `traces` belong to these samples and this float program, and the first `same` nodes were simulated in them as they are
/// now: those are not run again. With `nodes`, the traces become those of this simulation.
pub fn graphwise(
    subject: &Subject,
    nodes: &[NodeId],
    originals: &mut FloatTraces,
    traces: &mut SimulatedTraces,
    same: usize,
) -> Result<Graphwise> {
    let &Subject { graph, samples, count, tick, .. } = subject;
    let watched: Vec<ValueId> = nodes.iter().filter_map(|&n| first_output(graph, n)).collect();
    let joints = watched_joints(subject, !nodes.is_empty());
    let count = count.min(samples.len());
    let places = if nodes.is_empty() { Vec::new() } else { traces.places(graph) };
    let by_sample = (0..count).into_par_iter().map(|s| {
        let sample = Sample {
            samples,
            index: s,
            read: OnceCell::new(),
            original: originals.get(s),
            outputs: originals.outputs(s),
            before: traces.before(s, same, &watched),
        };
        let (mut simulated, float_outputs) = compare(subject, &watched, &joints, &sample, &places)?;
        traces.fit(&mut simulated.frontiers, count);
        tick()?;
        Ok((simulated, float_outputs))
    });
    let (by_sample, float_outputs) = by_sample.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let by_sample: Vec<Simulated> = by_sample;
    originals.keep_outputs(float_outputs);
    let found = summary(graph, &by_sample, watched.len(), &joints);
    if !nodes.is_empty() {
        (traces.watched, traces.samples) = (watched, by_sample);
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
    original: Option<&'a Original>,
    /// Outputs of the model in float.
    outputs: Option<&'a [Tensor]>,
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

/// Compares one sample: one comparison per watched value, then one per output of the model. Also returns its outputs in float.
fn compare(
    subject: &Subject,
    watched: &[ValueId],
    joints: &[Joined],
    sample: &Sample,
    places: &[NodeId],
) -> Result<(Simulated, Vec<Tensor>)> {
    let &Subject { graph, simulated, .. } = subject;
    let start = match sample.before {
        Some((_, frontier)) => frontier.clone(),
        None => simulated.begin(sample.inputs()?)?,
    };
    let resumed = start.next();
    let (mut originals, float_outputs) = float_values(subject, watched, joints, sample, resumed)?;
    let mut found = vec![None; graph.values.len()];
    let mut joined: Vec<Option<Vec<PartSums>>> = vec![None; joints.len()];
    let mut compare = |value: ValueId, tensor: &Tensor| {
        // Dropped right after the comparison: the float activations of a sample are the peak of memory.
        if let Some(original) = originals[value.0].take() {
            found[value.0] = Some(Comparison::of(tensor, &original)?);
            for (joint, sums) in joints.iter().zip(&mut joined).filter(|(joint, _)| joint.value == value) {
                *sums = joint.compare(tensor, &original)?;
            }
        }
        Ok(())
    };
    let inner = joints.iter().map(|joint| joint.value).filter(|value| !graph.outputs.contains(value));
    let wanted = graph.mask(watched.iter().copied().chain(inner));
    let (outputs, new) = simulated.finish(start, places, &wanted, &mut compare)?;

    let earlier = |at: usize| sample.before.and_then(|(before, _)| before.compared.get(at).copied());
    let compared = watched.iter().enumerate().map(|(at, v)| found[v.0].or_else(|| earlier(at)).unwrap_or_default());
    let mut compared: Vec<Comparison> = compared.collect();
    for (simulated, float) in outputs.iter().zip(&float_outputs) {
        compared.push(Comparison::of(simulated, float)?);
    }
    joints::of_outputs(graph, joints, &outputs, &float_outputs, &mut joined)?;
    // Without watched values, the earlier joints are others.
    if let Some((before, _)) = sample.before.filter(|_| !watched.is_empty()) {
        for (sums, earlier) in joined.iter_mut().zip(&before.joined).filter(|(sums, _)| sums.is_none()) {
            sums.clone_from(earlier);
        }
    }
    let boxes = subject.detector.and_then(|detector| FoundBoxes::of(detector, &float_outputs, &outputs));
    let kept = sample.before.into_iter().flat_map(|(before, _)| &before.frontiers);
    let mut frontiers: Vec<Frontier> = kept.filter(|frontier| frontier.next() <= resumed).cloned().collect();
    frontiers.extend(new);
    Ok((Simulated { frontiers, compared, joined, boxes }, float_outputs))
}

/// Returns the float values of a sample that are watched and made from node `first` on, by id, and the outputs of the model.
fn float_values(
    subject: &Subject,
    watched: &[ValueId],
    joints: &[Joined],
    sample: &Sample,
    first: NodeId,
) -> Result<(Vec<Option<Tensor>>, Vec<Tensor>)> {
    let &Subject { graph, float, .. } = subject;
    let inner = joints.iter().map(|joint| joint.value).filter(|value| !graph.outputs.contains(value));
    let watched: Vec<ValueId> = watched.iter().copied().chain(inner).collect();
    let mut originals: Vec<Option<Tensor>> = vec![None; graph.values.len()];
    if let Some(outputs) = sample.outputs.filter(|_| watched.is_empty()) {
        return Ok((originals, outputs.to_vec()));
    }
    // Kept activations are those of `float`.
    let kept = sample
        .original
        .filter(|_| std::ptr::eq(subject.original, float))
        .and_then(|k| Some((k, k.outputs.iter().cloned().collect::<Option<Vec<Tensor>>>()?)));
    if let Some((kept, outputs)) = kept {
        let is_wanted = graph.mask(watched.iter().copied());
        for node in graph.node_ids().skip(first.0) {
            for value in graph.node(node).outputs.iter().flatten().filter(|value| is_wanted[value.0]) {
                originals[value.0] = match kept.trace.value(*value) {
                    Some(tensor) => Some(tensor.clone()),
                    // A kernel with its clamp keeps no value between them.
                    None => made_again(float, node, *value, &kept.trace)?,
                };
            }
        }
        return Ok((originals, outputs));
    }
    let wanted = graph.mask(watched.iter().copied());
    let outputs = float.run(sample.inputs()?, &wanted, &mut |value, tensor| {
        originals[value.0] = Some(tensor.clone());
        Ok(())
    })?;
    // No pass scales the deciding values, so their reference is in the original.
    let outputs =
        subject.reference(sample.inputs()?, outputs, &graph.mask(decisive(graph)), &mut |value, tensor| {
            if wanted[value.0] {
                originals[value.0] = Some(tensor.clone());
            }
        })?;
    Ok((originals, outputs))
}

/// Returns an output of a node on kept values.
fn made_again(float: &Program, node: NodeId, value: ValueId, trace: &Trace) -> Result<Option<Tensor>> {
    Ok(float.outputs_on(node, trace)?.into_iter().find(|(made, _)| *made == value).map(|(_, tensor)| tensor))
}

pub(super) fn first_output(graph: &Graph, node: NodeId) -> Option<ValueId> {
    graph.node(node).outputs.first().copied().flatten()
}
