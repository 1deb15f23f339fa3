//! Cumulative error: the whole graph simulated, compared with the whole graph in float.
//!
//! esp-ppq: `quantization/analyse/graphwise.py`, here over every element instead of a random sample.

use rayon::prelude::*;

use crate::Result;
use crate::graph::{Graph, NodeId, Tensor, ValueId};

use super::compare::Comparison;
use super::decisive::decisive;
use super::float_traces::{FloatTraces, Original};
use super::{Error, Spread, Subject};

/// Errors with the whole graph quantized, means over the samples.
pub struct Graphwise {
    /// Error at the first output of each requested node, after its quantization.
    pub layers: Vec<Error>,
    /// Errors of the model's outputs.
    pub outputs: Vec<Error>,
    /// Standard errors of the noise-to-signal ratios of `layers`.
    pub layer_spread: Vec<f64>,
    /// Standard errors of the noise-to-signal ratios of `outputs`.
    pub output_spread: Vec<f64>,
}

/// Runs the first `count` samples through both programs and compares the first output of `nodes`. Samples in
/// `originals` are not run in float again.
pub fn graphwise(subject: &Subject, nodes: &[NodeId], originals: &FloatTraces) -> Result<Graphwise> {
    let &Subject { graph, samples, count, tick, .. } = subject;
    let watched: Vec<ValueId> = nodes.iter().filter_map(|&n| first_output(graph, n)).collect();
    let by_sample = (0..count.min(samples.len())).into_par_iter().map(|s| {
        let inputs = samples.sample(s)?;
        let compared = compare(subject, &watched, &inputs, originals.get(s))?;
        tick()?;
        Ok(compared)
    });
    let by_sample: Vec<Vec<Comparison>> = by_sample.collect::<Result<_>>()?;
    let mut sums = vec![Comparison::default(); watched.len() + graph.outputs.len()];
    let mut ratios = vec![Vec::new(); sums.len()];
    // In sample order, so that figures do not depend on the number of threads.
    for sample in by_sample {
        for ((sum, ratios), one) in sums.iter_mut().zip(&mut ratios).zip(sample) {
            ratios.push(one.mean().nsr);
            sum.add(one);
        }
    }
    let means: Vec<Error> = sums.iter().map(Comparison::mean).collect();
    let spread: Vec<f64> = ratios.iter().map(|ratios| Spread::of(ratios).standard_error).collect();
    let ((layers, outputs), (layer_spread, output_spread)) =
        (means.split_at(watched.len()), spread.split_at(watched.len()));
    Ok(Graphwise {
        layers: layers.to_vec(),
        outputs: outputs.to_vec(),
        layer_spread: layer_spread.to_vec(),
        output_spread: output_spread.to_vec(),
    })
}

/// Compares one sample: one comparison per watched value, then one per output of the model.
fn compare(
    subject: &Subject,
    watched: &[ValueId],
    inputs: &[Tensor],
    kept: Option<&Original>,
) -> Result<Vec<Comparison>> {
    let &Subject { graph, float, simulated, .. } = subject;
    let wanted = mask(graph, watched);
    let mut originals: Vec<Option<Tensor>> = vec![None; graph.values.len()];
    // Kept activations are those of `float`.
    let kept = kept
        .filter(|_| std::ptr::eq(subject.original, float))
        .and_then(|k| Some((k, k.outputs.iter().cloned().collect::<Option<Vec<Tensor>>>()?)));
    let float_outputs = match kept.filter(|(k, _)| watched.iter().all(|&v| k.trace.value(v).is_some())) {
        Some((kept, outputs)) => {
            watched.iter().for_each(|&v| originals[v.0] = kept.trace.value(v).cloned());
            outputs
        }
        None => {
            let outputs = float.run(inputs, &wanted, &mut |value, tensor| {
                originals[value.0] = Some(tensor.clone());
                Ok(())
            })?;
            // No pass scales the deciding values, so their reference is in the original.
            subject.reference(inputs, outputs, &mask(graph, &decisive(graph)), &mut |value, tensor| {
                if wanted[value.0] {
                    originals[value.0] = Some(tensor.clone());
                }
            })?
        }
    };
    let mut found = vec![Comparison::default(); graph.values.len()];
    let outputs = simulated.run(inputs, &wanted, &mut |value, tensor| {
        // Dropped right after the comparison: the float activations of a sample are the peak of memory.
        if let Some(original) = originals[value.0].take() {
            found[value.0] = Comparison::of(tensor, &original)?;
        }
        Ok(())
    })?;
    let mut compared: Vec<Comparison> = watched.iter().map(|v| found[v.0]).collect();
    for (simulated, float) in outputs.iter().zip(&float_outputs) {
        compared.push(Comparison::of(simulated, float)?);
    }
    Ok(compared)
}

pub(super) fn first_output(graph: &Graph, node: NodeId) -> Option<ValueId> {
    graph.node(node).outputs.first().copied().flatten()
}

pub(super) fn mask(graph: &Graph, values: &[ValueId]) -> Vec<bool> {
    let mut mask = vec![false; graph.values.len()];
    values.iter().for_each(|v| mask[v.0] = true);
    mask
}
