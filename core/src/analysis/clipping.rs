//! Losses by the range of a scale, without rounding.

use crate::Result;
use crate::graph::{Tensor, ValueId};
use crate::parallel;
use crate::quant::{FloatRuns as _, Port};

use super::compare::{Comparison, floats};
use super::{Clipping, FloatSamples, Subject};

/// Returns the loss of each value if it is cut at the ends of its port's range, in the float network over the first
/// `count` samples. `originals` belong to this float program and these samples.
pub fn clipping(subject: &Subject, ports: &[(ValueId, Port)], originals: &FloatSamples) -> Result<Vec<Clipping>> {
    let &Subject { graph, samples, count, .. } = subject;
    let float = subject.resumed(originals);
    let wanted = graph.mask(ports.iter().map(|(value, _)| *value));
    let by_sample = parallel::try_map(count.min(samples.len()), |s| {
        let mut found = vec![(0.0, Comparison::default()); ports.len()];
        float.observe(s, &wanted, &mut |value, tensor| {
            for (at, (_, port)) in ports.iter().enumerate().filter(|(_, (wanted, _))| *wanted == value) {
                found[at] = of(tensor, port)?;
            }
            Ok(())
        })?;
        Ok(found)
    })?;
    let mut sums = vec![(0.0f64, Comparison::default()); ports.len()];
    for sample in by_sample {
        for ((largest, sum), (one, compared)) in sums.iter_mut().zip(sample) {
            *largest = largest.max(one);
            sum.add(compared);
        }
    }
    Ok(sums.iter().map(|(largest, sum)| Clipping { largest: *largest, nsr: sum.mean().nsr }).collect())
}

/// Largest magnitude of a tensor, and the tensor cut at the ends of a range compared with itself.
fn of(tensor: &Tensor, port: &Port) -> Result<(f64, Comparison)> {
    let values = floats(tensor);
    let (low, high) = port.range();
    let cut: Vec<f32> = values.iter().map(|value| value.clamp(low, high) as f32).collect();
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    Ok((largest, Comparison::of(&Tensor::new(tensor.shape(), cut)?, tensor)?))
}
