//! Estimate of the layerwise error of all layers at once, from a few passes instead of one for each layer and sample.
//!
//! To first order, an error `e` of a layer changes the outputs by `J e`, with the derivative `J` of the outputs by the layer. For a vector
//! `v` of independent signs, `(v' J e)^2` has the mean `|J e|^2` (Hutchinson, "A stochastic estimator of the trace", 1989), and one
//! backward pass gives `J' v` for all layers.

use std::collections::HashMap;
use std::ops::Range;

use crate::Result;
use crate::exec::{Frontier, Trace, places};
use crate::gradient::Backward;
use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::kernels::errors::sum_of_products;
use crate::parallel;

use super::Subject;
use super::compare::floats;
use super::decisive::decisive;
use super::graphwise::first_output;

/// Samples that are sufficient for estimates.
pub const ESTIMATED: usize = 8;

/// Vectors of signs for each sample: with 24 in all, the order of layers is that of the measured errors (rank correlation of 0.91 and more on
/// trained networks, 0.88 with 16).
const SEEDS: u64 = 3;

/// Estimates, for each of `nodes`, the noise-to-signal ratio of the values that decide the outputs with only this node quantized: a
/// mean over the first `count` samples. `None` where an operator behind the node has no derivative. `tick` is called once per sample.
pub fn estimates(subject: &Subject, nodes: &[NodeId]) -> Result<Vec<Option<f64>>> {
    let &Subject { graph, samples, count, tick, .. } = subject;
    let values: Vec<Option<ValueId>> = nodes.iter().map(|&node| first_output(graph, node)).collect();
    let wanted: Vec<ValueId> = values.iter().flatten().copied().collect();
    let backward = Backward::new(graph, &decisive(graph), &wanted)?;
    let count = count.min(samples.len());
    let by_sample = parallel::try_map(count, |sample| {
        let found = of_sample(subject, &backward, nodes, &values, sample)?;
        tick()?;
        Ok(found)
    })?;
    let mean = |at: usize| by_sample.iter().map(|sample| sample[at]).sum::<f64>() / count.max(1) as f64;
    let is_known = |at: usize| values[at].is_some_and(|value| backward.knows(value));
    Ok((0..nodes.len()).map(|at| is_known(at).then(|| mean(at))).collect())
}

/// One vector of signs on its way back through the network.
struct Seed {
    run: Frontier,
    weight: f64,
    /// Gradients of values whose error is not computed yet.
    waiting: Vec<(ValueId, Tensor)>,
}

/// Errors of the layers between two nodes, by value, with the number of the layer.
type Errors = HashMap<ValueId, (usize, Vec<f32>)>;

/// Estimates of one sample. Layers are differentiated in parts, the last one first: the values of one part are in memory.
fn of_sample(
    subject: &Subject,
    backward: &Backward,
    nodes: &[NodeId],
    values: &[Option<ValueId>],
    sample: usize,
) -> Result<Vec<f64>> {
    let &Subject { graph, float, samples, .. } = subject;
    let mut ends: HashMap<ValueId, Tensor> = HashMap::new();
    let begin = float.begin(&samples.sample(sample)?)?;
    let is_end = graph.mask(backward.seeded().iter().copied());
    let inner = float.observe_from(begin.clone(), &places(graph), &is_end, &mut |value, tensor| {
        ends.insert(value, tensor.clone());
        Ok(())
    })?;
    let mut seeds: Vec<Seed> = (0..SEEDS)
        .map(|seed| {
            let (seeds, weight) = signs(graph, backward, &ends, sample as u64 * SEEDS + seed)?;
            let mut waiting = Vec::new();
            let run = backward.begin(seeds, &mut |value, gradient| {
                waiting.push((value, gradient.clone()));
                Ok(())
            })?;
            Ok(Seed { run, weight, waiting })
        })
        .collect::<Result<_>>()?;
    drop(ends);
    let inputs = nodes.iter().flat_map(|&node| graph.node(node).inputs.iter().copied().flatten());
    let kept = graph.mask(inputs.chain(values.iter().copied().flatten()).chain(backward.saved()));
    let mut found = vec![0.0; nodes.len()];
    let mut until = NodeId(graph.nodes.len());
    for from in std::iter::once(begin).chain(inner).rev() {
        let first = from.next();
        let trace = float.trace(from, until, &kept)?;
        let errors = errors(subject, backward, nodes, values, first..until, &trace)?;
        let mut add = |value: ValueId, gradient: &Tensor, weight: f64| {
            let known = errors.get(&value).zip(gradient.slice::<f32>());
            known.map(|((at, error), gradient)| {
                let change = sum_of_products(error, gradient);
                found[*at] += change * change / weight / SEEDS as f64;
            })
        };
        for Seed { run, weight, waiting } in &mut seeds {
            waiting.retain(|(value, gradient)| add(*value, gradient, *weight).is_none());
            backward.proceed(run, first, &trace, &mut |value, gradient| {
                if add(value, gradient, *weight).is_none() {
                    waiting.push((value, gradient.clone()));
                }
                Ok(())
            })?;
        }
        until = first;
    }
    Ok(found)
}

/// Returns the errors of the layers among `part`, on the float values of a trace.
fn errors(
    subject: &Subject,
    backward: &Backward,
    nodes: &[NodeId],
    values: &[Option<ValueId>],
    part: Range<NodeId>,
    trace: &Trace,
) -> Result<Errors> {
    let mut errors = Errors::new();
    for (at, (&node, value)) in nodes.iter().zip(values).enumerate().filter(|(_, (node, _))| part.contains(node)) {
        let Some(value) = value.filter(|&value| backward.knows(value)) else { continue };
        let outputs = subject.simulated.outputs_on(node, trace)?;
        let quantized = outputs.into_iter().find(|(output, _)| *output == value);
        if let (Some((_, quantized)), Some(float)) = (quantized, trace.value(value).and_then(Tensor::slice::<f32>)) {
            // A layer without a scale of its own computes in float64.
            let error = match quantized.slice::<f32>() {
                Some(quantized) => quantized.iter().zip(float).map(|(q, f)| q - f).collect(),
                None => floats(&quantized).iter().zip(float).map(|(q, f)| (q - f64::from(*f)) as f32).collect(),
            };
            errors.insert(value, (at, error));
        }
    }
    Ok(errors)
}

/// Returns random signs for each element of the ends, each row divided by its length, and the weight of all rows.
fn signs(
    graph: &Graph,
    backward: &Backward,
    ends: &HashMap<ValueId, Tensor>,
    number: u64,
) -> Result<(Vec<Tensor>, f64)> {
    let mut state = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    // Xorshift: the same signs on every machine.
    let mut sign = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state >> 63 == 0 { 1.0 } else { -1.0f32 }
    };
    let (mut seeds, mut total) = (Vec::new(), 0.0);
    for &end in backward.seeded() {
        let shape = graph.shape(end).unwrap_or_default();
        let values = ends.get(&end).and_then(Tensor::slice::<f32>).unwrap_or_default();
        let rows = if shape.len() < 2 { 1 } else { shape[0].max(1) };
        total += rows as f64;
        let mut seed = Vec::with_capacity(values.len());
        for row in values.chunks((values.len() / rows).max(1)) {
            let power: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
            let length = (power + 1e-7).sqrt() as f32;
            seed.extend(row.iter().map(|_| sign() / length));
        }
        seeds.push(Tensor::new(shape, seed)?);
    }
    Ok((seeds, total.max(1.0)))
}
