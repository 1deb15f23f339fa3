//! Error figures of a tensor against its float original, summed over samples.

use std::borrow::Cow;

use crate::graph::Tensor;
use crate::{Result, bail};

use super::Error;

/// Running mean of the figures over rows of the first axis, weighted as esp-ppq's
/// `MeasureRecorder` does: each tensor counts as many times as its first axis is long.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Comparison {
    weight: f64,
    nsr: f64,
    cosine: f64,
    mse: f64,
}

impl Comparison {
    pub fn of(quantized: &Tensor, float: &Tensor) -> Result<Comparison> {
        if quantized.shape() != float.shape() {
            bail!("a simulated tensor has shape {:?}, its float original {:?}", quantized.shape(), float.shape());
        }
        let shape = float.shape();
        // A vector is one row, but weighs as many as it has elements (esp-ppq 1.3.12 does so).
        let (rows, weight) = match shape {
            [] => (1, 1),
            [n] => (1, *n),
            [n, ..] => (*n, *n),
        };
        let (q, f) = (floats(quantized), floats(float));
        let row = f.len() / rows.max(1);
        let mut sum = Comparison { weight: weight as f64, ..Default::default() };
        if row == 0 {
            return Ok(sum);
        }
        for (q, f) in q.chunks_exact(row).zip(f.chunks_exact(row)) {
            sum.add_row(q, f);
        }
        let mean = weight as f64 / rows as f64;
        sum.nsr *= mean;
        sum.cosine *= mean;
        sum.mse *= mean;
        Ok(sum)
    }

    fn add_row(&mut self, q: &[f64], f: &[f64]) {
        let (mut noise, mut signal, mut dot, mut power) = (0.0, 0.0, 0.0, 0.0);
        for (&q, &f) in q.iter().zip(f) {
            noise += (q - f) * (q - f);
            signal += f * f;
            dot += q * f;
            power += q * q;
        }
        self.nsr += noise / (signal + 1e-7);
        self.mse += noise / f.len() as f64;
        // torch.cosine_similarity: each norm is at least 1e-8.
        self.cosine += dot / (signal.sqrt().max(1e-8) * power.sqrt().max(1e-8));
    }

    pub fn add(&mut self, other: Comparison) {
        self.weight += other.weight;
        self.nsr += other.nsr;
        self.cosine += other.cosine;
        self.mse += other.mse;
    }

    pub fn mean(&self) -> Error {
        let weight = self.weight.max(1.0);
        Error { nsr: self.nsr / weight, cosine: self.cosine / weight, mse: self.mse / weight }
    }
}

/// Any numeric tensor as float64, in row-major order.
pub(super) fn floats(tensor: &Tensor) -> Cow<'_, [f64]> {
    match tensor {
        Tensor::F64(_) => Cow::Borrowed(tensor.slice::<f64>().unwrap_or_default()),
        Tensor::F32(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Tensor::U64(a) => a.iter().map(|&v| v as f64).collect(),
        other => other.to_i64s().unwrap_or_default().into_iter().map(|v| v as f64).collect(),
    }
}
