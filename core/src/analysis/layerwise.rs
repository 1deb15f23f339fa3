//! Error at the model's outputs with one layer quantized.
//!
//! esp-ppq: `quantization/analyse/layerwise.py`. It runs the whole network twice per layer and sample; here the float
//! pass runs once per sample, and then only the nodes that depend on the layer.

use crate::Result;
use crate::exec::{Frontier, Trace};
use crate::graph::{Graph, NodeId, Tensor};
use crate::parallel;

use super::compare::Comparison;
use super::{ErrorFigures, FloatSamples, Subject};

/// Memory in bytes for the float values of the samples that are measured at the same time.
const AT_ONCE: usize = 48 << 20;

/// Number of layers for which the float values of a sample are not worth keeping.
const FEW: usize = 2;

/// Values of one sample in float.
struct Original {
    /// Values from the first of the layers on.
    trace: Trace,
    /// Outputs of the model.
    outputs: Vec<Tensor>,
}

/// Computes, for each requested node, the mean over the model's outputs and the first `count` samples. `tick` is called
/// once per node and sample. `originals` belong to this float program and these samples.
pub fn layerwise(subject: &Subject, nodes: &[NodeId], originals: &FloatSamples) -> Result<Vec<ErrorFigures>> {
    let &Subject { float, simulated, samples, count, tick, .. } = subject;
    let mut sums = vec![Comparison::default(); nodes.len()];
    let count = count.min(samples.len());
    if nodes.len() <= FEW {
        let jobs: Vec<(usize, usize)> = (0..count).flat_map(|s| (0..nodes.len()).map(move |n| (n, s))).collect();
        let compared = parallel::try_map(jobs.len(), |job| {
            let (n, s) = jobs[job];
            tick()?;
            Ok((n, alone(subject, nodes[n], originals, s)?))
        })?;
        for (n, sum) in compared {
            sums[n].add(sum);
        }
        return Ok(sums.iter().map(Comparison::mean).collect());
    }
    let group = at_once(bytes(subject.graph, first(nodes)));
    for start in (0..count).step_by(group) {
        let run = |s| original(subject, nodes, originals, start + s);
        let group: Vec<Original> = parallel::try_map(group.min(count - start), run)?;
        // Samples are outermost and nodes in order, so that the longest runs start first.
        let jobs: Vec<(usize, usize)> = (0..nodes.len()).flat_map(|n| (0..group.len()).map(move |t| (n, t))).collect();
        let compared = parallel::try_map(jobs.len(), |job| {
            let (n, t) = jobs[job];
            let Original { trace, outputs: originals } = &group[t];
            let outputs = float.run_from(simulated, nodes[n], trace)?;
            tick()?;
            Ok((n, sum(&outputs, originals)?))
        })?;
        for (n, sum) in compared {
            sums[n].add(sum);
        }
    }
    Ok(sums.iter().map(Comparison::mean).collect())
}

/// Compares one sample with one layer quantized, without values of other layers: all nodes behind it run, also those that do not depend
/// on it.
fn alone(subject: &Subject, node: NodeId, originals: &FloatSamples, sample: usize) -> Result<Comparison> {
    let &Subject { graph, float, simulated, .. } = subject;
    let is_read = graph.mask(graph.node(node).inputs.iter().copied().flatten());
    let mut run = subject.resumed(originals).before(sample, node)?;
    float.proceed(&mut run, node, &is_read, &mut |_, _| Ok(()))?;
    let finished = |mut run: Frontier| {
        float.proceed(&mut run, NodeId(graph.nodes.len()), &[], &mut |_, _| Ok(()))?;
        float.outputs(&run)
    };
    let reference = reference(subject, originals, sample, || finished(run.clone()))?;
    float.proceed_as(simulated, &mut run)?;
    sum(&finished(run)?, &reference)
}

/// Returns the outputs of the original network; `float` makes those of the float network, if that is the original.
fn reference(
    subject: &Subject,
    originals: &FloatSamples,
    sample: usize,
    float: impl FnOnce() -> Result<Vec<Tensor>>,
) -> Result<Vec<Tensor>> {
    match originals.outputs(sample) {
        Some(outputs) => Ok(outputs.to_vec()),
        None if std::ptr::eq(subject.original, subject.float) => float(),
        None => subject.original.run(&subject.samples.sample(sample)?, &[], &mut |_, _| Ok(())),
    }
}

fn sum(outputs: &[Tensor], originals: &[Tensor]) -> Result<Comparison> {
    let mut sum = Comparison::default();
    for (output, original) in outputs.iter().zip(originals) {
        sum.add(Comparison::of(output, original)?);
    }
    Ok(sum)
}

/// Returns the number of samples whose values fit into memory, at most one for each thread.
fn at_once(bytes: usize) -> usize {
    (AT_ONCE / bytes.max(1)).clamp(1, rayon::current_num_threads().max(1))
}

/// Returns the memory of all values that are made from a node on.
fn bytes(graph: &Graph, first: NodeId) -> usize {
    let made = graph.nodes[first.0..].iter().flat_map(|node| node.outputs.iter().flatten());
    made.map(|&value| graph.elements(value) * size_of::<f32>()).sum()
}

fn first(nodes: &[NodeId]) -> NodeId {
    nodes.iter().min().copied().unwrap_or(NodeId(0))
}

/// Runs one sample in float from the first of the nodes on.
fn original(subject: &Subject, nodes: &[NodeId], originals: &FloatSamples, sample: usize) -> Result<Original> {
    let &Subject { graph, float, .. } = subject;
    let wanted = graph.mask(nodes.iter().flat_map(|&n| graph.node(n).inputs.iter().copied().flatten()));
    let from = subject.resumed(originals).before(sample, first(nodes))?;
    let trace = float.trace(from, NodeId(graph.nodes.len()), &wanted)?;
    let outputs = reference(subject, originals, sample, || float.traced_outputs(&trace))?;
    Ok(Original { trace, outputs })
}
