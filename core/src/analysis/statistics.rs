//! Statistics of a tensor's elements over samples, in float, simulated, and of their difference.
//!
//! Formulas as in esp-ppq's `statistical_analyse` (sample standard deviation, excess kurtosis, 32 bins), here over
//! every element instead of a random sample.

use crate::Result;
use crate::exec::FakeQuant;
use crate::graph::{NodeId, Tensor, ValueId};
use crate::parallel;

use super::compare::{Comparison, floats};
use super::graphwise::first_output;
use super::{Histogram, Statistics, Subject, TensorStatistics};

const BINS: usize = 32;

/// Computes statistics of the first output of each of `nodes`, over the first `count` samples. `quantizers` are the
/// outputs' effective quantization, for the saturated share.
///
/// Every sample runs twice: moments and ranges first, then histograms over those ranges.
pub fn statistics(
    subject: &Subject,
    nodes: &[NodeId],
    quantizers: &[Option<FakeQuant>],
) -> Result<Vec<Option<TensorStatistics>>> {
    let &Subject { graph, samples, count, tick, .. } = subject;
    let values: Vec<Option<ValueId>> = nodes.iter().map(|&n| first_output(graph, n)).collect();
    let watched: Vec<ValueId> = values.iter().copied().flatten().collect();
    let quantizers: Vec<Option<&FakeQuant>> =
        values.iter().zip(quantizers).filter(|(v, _)| v.is_some()).map(|(_, q)| q.as_ref()).collect();
    let visit = |s: usize, see: &mut dyn FnMut(usize, &Tensor, &Tensor) -> Result<()>| {
        pairs(subject, &watched, &samples.sample(s)?, see)?;
        tick()
    };
    let count = count.min(samples.len());

    let moments = parallel::try_map(count, |s| {
        let mut of = vec![Moments::default(); watched.len()];
        visit(s, &mut |w, quantized, float| {
            of[w] = Moments::of(quantized, float, quantizers[w])?;
            Ok(())
        })?;
        Ok(of)
    })?;
    let moments = merge(moments, Moments::add);

    let histograms = parallel::try_map(count, |s| {
        let mut of = vec![[[0u64; BINS]; 3]; watched.len()];
        visit(s, &mut |w, quantized, float| {
            of[w] = histogram(&floats(quantized), &floats(float), &moments[w]);
            Ok(())
        })?;
        Ok(of)
    })?;
    let histograms = merge(histograms, add_counts);

    let mut found = watched.iter().zip(moments).zip(histograms).map(|((&value, m), h)| TensorStatistics {
        name: graph.value(value).name.clone(),
        float: m.float.finish(h[0]),
        quantized: m.quantized.finish(h[1]),
        noise: m.noise.finish(h[2]),
        error: m.comparison.mean(),
        saturated: m.saturated as f64 / m.float.count.max(1.0),
    });
    Ok(values.iter().map(|v| v.and_then(|_| found.next())).collect())
}

/// Passes each watched value to `on_pair` as (index, simulated, float).
fn pairs(
    subject: &Subject,
    watched: &[ValueId],
    inputs: &[Tensor],
    see: &mut dyn FnMut(usize, &Tensor, &Tensor) -> Result<()>,
) -> Result<()> {
    let &Subject { graph, float, simulated, .. } = subject;
    let wanted = graph.mask(watched.iter().copied());
    let mut originals: Vec<Option<Tensor>> = vec![None; graph.values.len()];
    float.run(inputs, &wanted, &mut |value, tensor| {
        originals[value.0] = Some(tensor.clone());
        Ok(())
    })?;
    let mut index = vec![usize::MAX; graph.values.len()];
    watched.iter().enumerate().for_each(|(w, v)| index[v.0] = w);
    simulated.run(inputs, &wanted, &mut |value, tensor| match originals[value.0].take() {
        Some(original) => see(index[value.0], tensor, &original),
        None => Ok(()),
    })?;
    Ok(())
}

/// Adds samples in their order, so that figures do not depend on the number of threads.
fn merge<T: Clone>(by_sample: Vec<Vec<T>>, add: impl Fn(&mut T, &T)) -> Vec<T> {
    let mut samples = by_sample.into_iter();
    let mut sums = samples.next().unwrap_or_default();
    for sample in samples {
        sums.iter_mut().zip(&sample).for_each(|(sum, one)| add(sum, one));
    }
    sums
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    float: Powers,
    quantized: Powers,
    noise: Powers,
    comparison: Comparison,
    saturated: u64,
}

impl Moments {
    fn of(quantized: &Tensor, float: &Tensor, quantizer: Option<&FakeQuant>) -> Result<Moments> {
        let comparison = Comparison::of(quantized, float)?;
        let (q, f) = (floats(quantized), floats(float));
        let mut moments = Moments { comparison, ..Default::default() };
        moments.float.see(f.iter().copied());
        moments.quantized.see(q.iter().copied());
        moments.noise.see(q.iter().zip(f.iter()).map(|(q, f)| q - f));
        if let Some(quantizer) = quantizer {
            let scale = f64::from(quantizer.exponents.first().copied().unwrap_or(0)).exp2();
            let half = f64::from(quantizer.bits - 1).exp2();
            let (low, high) = (-half * scale, (half - 1.0) * scale);
            moments.saturated = q.iter().filter(|&&v| v <= low || v >= high).count() as u64;
        }
        Ok(moments)
    }

    fn add(&mut self, other: &Moments) {
        self.float.add(&other.float);
        self.quantized.add(&other.quantized);
        self.noise.add(&other.noise);
        self.comparison.add(other.comparison);
        self.saturated += other.saturated;
    }
}

/// Sums of powers, from which moments are computed.
#[derive(Debug, Clone, Copy, Default)]
struct Powers {
    count: f64,
    sums: [f64; 4],
    min: f64,
    max: f64,
}

impl Powers {
    fn see(&mut self, values: impl Iterator<Item = f64>) {
        for v in values {
            if self.count == 0.0 {
                (self.min, self.max) = (v, v);
            }
            self.count += 1.0;
            self.min = self.min.min(v);
            self.max = self.max.max(v);
            let square = v * v;
            self.sums[0] += v;
            self.sums[1] += square;
            self.sums[2] += square * v;
            self.sums[3] += square * square;
        }
    }

    fn add(&mut self, other: &Powers) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        self.count += other.count;
        self.sums.iter_mut().zip(other.sums).for_each(|(a, b)| *a += b);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn finish(&self, histogram: [u64; BINS]) -> Statistics {
        let n = self.count.max(1.0);
        let [m1, m2, m3, m4] = self.sums.map(|s| s / n);
        let variance = (m2 - m1 * m1).max(0.0);
        let std = (variance * n / (n - 1.0).max(1.0)).sqrt();
        // Central moments from raw ones.
        let third = m3 - 3.0 * m1 * m2 + 2.0 * m1.powi(3);
        let fourth = m4 - 4.0 * m1 * m3 + 6.0 * m1 * m1 * m2 - 3.0 * m1.powi(4);
        let of = |moment: f64, power: i32| if std > 0.0 { moment / std.powi(power) } else { 0.0 };
        Statistics {
            min: self.min,
            max: self.max,
            mean: m1,
            std,
            skewness: of(third, 3),
            kurtosis: if std > 0.0 { of(fourth, 4) - 3.0 } else { 0.0 },
            histogram: Histogram(histogram.to_vec()),
        }
    }
}

fn histogram(quantized: &[f64], float: &[f64], moments: &Moments) -> [[u64; BINS]; 3] {
    let noise = quantized.iter().zip(float).map(|(q, f)| q - f);
    [
        counts(float.iter().copied(), &moments.float),
        counts(quantized.iter().copied(), &moments.quantized),
        counts(noise, &moments.noise),
    ]
}

fn counts(values: impl Iterator<Item = f64>, range: &Powers) -> [u64; BINS] {
    let mut counts = [0; BINS];
    let width = range.max - range.min;
    for v in values {
        let bin = if width > 0.0 { ((v - range.min) / width * BINS as f64) as usize } else { 0 };
        counts[bin.min(BINS - 1)] += 1;
    }
    counts
}

fn add_counts(sum: &mut [[u64; BINS]; 3], other: &[[u64; BINS]; 3]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        sum.iter_mut().zip(other).for_each(|(a, b)| *a += b);
    }
}
