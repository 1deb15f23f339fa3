//! Cumulative error: the whole graph simulated against the whole graph in float.
//!
//! esp-ppq: `quantization/analyse/graphwise.py`, over every element instead of a random draw.

use rayon::prelude::*;

use crate::Result;
use crate::graph::{Graph, NodeId, Tensor, ValueId};

use super::compare::Comparison;
use super::originals::{Original, Originals};
use super::{Error, Subject};

pub struct Graphwise {
    /// By asked node: the error at its first output, after its quantization.
    pub layers: Vec<Error>,
    /// By output of the model.
    pub outputs: Vec<Error>,
}

/// Runs the first `count` samples through both programs and compares the first output of `nodes`.
/// What `originals` hold is not run in float again.
pub fn graphwise(subject: &Subject, nodes: &[NodeId], originals: &Originals) -> Result<Graphwise> {
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
    // In sample order, so that the figures do not depend on the number of threads.
    for sample in by_sample {
        sums.iter_mut().zip(sample).for_each(|(sum, c)| sum.add(c));
    }
    let (layers, outputs) = sums.split_at(watched.len());
    Ok(Graphwise {
        layers: layers.iter().map(Comparison::mean).collect(),
        outputs: outputs.iter().map(Comparison::mean).collect(),
    })
}

/// One sample: a comparison a watched value, then one an output of the model.
fn compare(
    subject: &Subject,
    watched: &[ValueId],
    inputs: &[Tensor],
    kept: Option<&Original>,
) -> Result<Vec<Comparison>> {
    let &Subject { graph, float, simulated, .. } = subject;
    let wanted = mask(graph, watched);
    let mut originals: Vec<Option<Tensor>> = vec![None; graph.values.len()];
    let kept = kept.and_then(|k| Some((k, k.outputs.iter().cloned().collect::<Option<Vec<Tensor>>>()?)));
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
            subject.reference(inputs, outputs)?
        }
    };
    let mut found = vec![Comparison::default(); graph.values.len()];
    let outputs = simulated.run(inputs, &wanted, &mut |value, tensor| {
        // Dropped as soon as compared: the sample's float activations are the peak of memory.
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
