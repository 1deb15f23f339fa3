//! Error of one layer quantized alone, at the model's outputs.
//!
//! esp-ppq: `quantization/analyse/layerwise.py`. It runs the whole network twice a layer and
//! sample; here the float pass is made once a sample, and behind a layer only what depends on
//! it runs again.

use rayon::prelude::*;

use crate::Result;
use crate::graph::{NodeId, Tensor, ValueId};

use super::compare::Comparison;
use super::graphwise::mask;
use super::{Error, Subject};

/// By asked node, the mean over the model's outputs and the first `count` samples.
/// `tick` is called once a node and sample.
pub fn layerwise(subject: &Subject, nodes: &[NodeId]) -> Result<Vec<Error>> {
    let &Subject { graph, float, simulated, samples, count, tick } = subject;
    let mut sums = vec![Comparison::default(); nodes.len()];
    let read: Vec<ValueId> = nodes.iter().flat_map(|&n| graph.node(n).inputs.iter().copied().flatten()).collect();
    let wanted = mask(graph, &read);
    let count = count.min(samples.len());
    // As many samples at once as there are workers bounds the float activations held.
    let group = rayon::current_num_threads().max(1);
    for start in (0..count).step_by(group) {
        let traces = (start..count.min(start + group)).into_par_iter().map(|s| {
            let trace = float.trace(&samples.sample(s)?, &wanted)?;
            let outputs = graph.outputs.iter().map(|&v| trace.value(v).cloned()).collect();
            Ok((trace, outputs))
        });
        let traces: Vec<(_, Vec<Option<Tensor>>)> = traces.collect::<Result<_>>()?;
        // Samples outermost, nodes in order: the longest runs start first.
        let jobs: Vec<(usize, usize)> = (0..nodes.len()).flat_map(|n| (0..traces.len()).map(move |t| (n, t))).collect();
        let compared = jobs.par_iter().with_max_len(1).map(|&(n, t)| {
            let (trace, originals) = &traces[t];
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
