//! Error at the model's outputs with one layer quantized.
//!
//! esp-ppq: `quantization/analyse/layerwise.py`. It runs the whole network twice per layer and sample; here the float
//! pass runs once per sample, and then only the nodes that depend on the layer.

use rayon::prelude::*;

use crate::Result;
use crate::graph::NodeId;

use super::compare::Comparison;
use super::float_traces::Original;
use super::{ErrorFigures, FloatTraces, Subject};

/// Computes, for each requested node, the mean over the model's outputs and the first `count` samples. `tick` is called
/// once per node and sample.
///
/// `originals` belong to this float program and these samples. Missing samples are run, and kept as long as there is
/// room, for later requests of any of `all` nodes; if there are none, no sample is kept.
pub fn layerwise(
    subject: &Subject,
    nodes: &[NodeId],
    all: &[NodeId],
    originals: &mut FloatTraces,
) -> Result<Vec<ErrorFigures>> {
    let &Subject { graph, float, simulated, samples, count, tick, .. } = subject;
    let mut sums = vec![Comparison::default(); nodes.len()];
    let wanted = originals.wanted(graph, if all.is_empty() { nodes } else { all });
    let count = count.min(samples.len());
    // One sample per worker at a time limits the memory of float activations.
    let group = rayon::current_num_threads().max(1);
    for start in (0..count).step_by(group) {
        let end = count.min(start + group);
        let missing: Vec<usize> = (start..end).filter(|&s| originals.get(s).is_none()).collect();
        let run = missing.par_iter().map(|&s| Original::of(subject, &samples.sample(s)?, &wanted));
        let run: Vec<Original> = run.collect::<Result<_>>()?;
        let mut keep = |s, original| if all.is_empty() { Some(original) } else { originals.keep(s, original) };
        let left: Vec<Original> = missing.iter().zip(run).filter_map(|(&s, o)| keep(s, o)).collect();
        let group: Vec<&Original> = (start..end).filter_map(|s| originals.get(s)).chain(&left).collect();
        // Samples are outermost and nodes in order, so that the longest runs start first.
        let jobs: Vec<(usize, usize)> = (0..nodes.len()).flat_map(|n| (0..group.len()).map(move |t| (n, t))).collect();
        let compared = jobs.par_iter().with_max_len(1).map(|&(n, t)| {
            let Original { trace, outputs: originals } = group[t];
            let outputs = float.run_from(simulated, nodes[n], trace)?;
            tick()?;
            let mut sum = Comparison::default();
            for (output, original) in outputs.iter().zip(originals) {
                if let Some(original) = original {
                    sum.add(Comparison::of(output, original)?);
                }
            }
            Ok((n, sum))
        });
        for (n, sum) in compared.collect::<Result<Vec<_>>>()? {
            sums[n].add(sum);
        }
    }
    Ok(sums.iter().map(Comparison::mean).collect())
}
