//! Error figures of a tensor against its float reference, summed over samples.

use std::borrow::Cow;

use crate::graph::{DataType, Tensor};
use crate::kernels::errors::error_sums;
use crate::kernels::real::Real;
use crate::{Result, bail};

use super::{Agreement, ErrorFigures};

/// Running mean of the figures over rows of the first axis, weighted like esp-ppq's `MeasureRecorder`: each tensor's
/// weight is the length of its first axis.
#[derive(Debug, Clone, Copy, Default)]
pub struct Comparison {
    weight: f64,
    nsr: f64,
    cosine: f64,
    mse: f64,
    decisions: Agreement,
}

impl Comparison {
    /// Compares two tensors of one shape, over rows of the first axis.
    pub fn of(quantized: &Tensor, float: &Tensor) -> Result<Comparison> {
        if quantized.shape() != float.shape() {
            bail!("a simulated tensor has shape {:?}, but its float reference {:?}", quantized.shape(), float.shape());
        }
        let shape = float.shape();
        // A vector is one row, but its weight is its length (as in esp-ppq 1.3.12).
        let (rows, weight) = match shape {
            [] => (1, 1),
            [n] => (1, *n),
            [n, ..] => (*n, *n),
        };
        let mut sum = Comparison { weight: weight as f64, ..Default::default() };
        let row = float.len() / rows.max(1);
        if row == 0 {
            return Ok(sum);
        }
        if is_place(float.data_type()) {
            sum.add_places(&floats(quantized), &floats(float), row);
            return Ok(sum.weighted(weight as f64 / rows as f64));
        }
        sum.decisions = Agreement::of(quantized, float);
        match (quantized.slice::<f32>(), float.slice::<f32>()) {
            (Some(q), Some(f)) => sum.add_rows(q, f, row),
            _ => sum.add_rows(&floats(quantized), &floats(float), row),
        }
        Ok(sum.weighted(weight as f64 / rows as f64))
    }

    fn weighted(mut self, mean: f64) -> Comparison {
        self.nsr *= mean;
        self.cosine *= mean;
        self.mse *= mean;
        self
    }

    /// Compares places and truth values, which are equal or not: 2 is no better than 900 where 1 is right. The share of
    /// unequal ones takes the place of the noise-to-signal ratio.
    fn add_places(&mut self, q: &[f64], f: &[f64], row: usize) {
        for (q, f) in q.chunks_exact(row).zip(f.chunks_exact(row)) {
            let share = q.iter().zip(f).filter(|(q, f)| q != f).count() as f64 / row as f64;
            self.nsr += share;
            self.mse += share;
            self.cosine += 1.0 - share;
        }
    }

    fn add_rows<T: Real>(&mut self, q: &[T], f: &[T], row: usize) {
        for (q, f) in q.chunks_exact(row).zip(f.chunks_exact(row)) {
            let sums = error_sums(q, f);
            self.nsr += sums.noise / (sums.signal + 1e-7);
            self.mse += sums.noise / row as f64;
            // torch.cosine_similarity: each norm is at least 1e-8.
            self.cosine += sums.dot / (sums.signal.sqrt().max(1e-8) * sums.power.sqrt().max(1e-8));
        }
    }

    /// Adds the figures of another sample.
    pub fn add(&mut self, other: Comparison) {
        self.weight += other.weight;
        self.nsr += other.nsr;
        self.cosine += other.cosine;
        self.mse += other.mse;
        self.decisions.kept += other.decisions.kept;
        self.decisions.of += other.decisions.of;
    }

    /// Returns the number of samples whose largest element stays the largest; `None` for shapes other than `[1, N]`.
    pub fn agreement(&self) -> Option<Agreement> {
        (self.decisions.of > 0).then_some(self.decisions)
    }

    /// Returns the mean over all rows so far.
    pub fn mean(&self) -> ErrorFigures {
        let weight = self.weight.max(1.0);
        ErrorFigures { nsr: self.nsr / weight, cosine: self.cosine / weight, mse: self.mse / weight }
    }
}

impl Agreement {
    /// Compares the decisions of one sample.
    fn of(quantized: &Tensor, float: &Tensor) -> Agreement {
        match float.shape() {
            [1, choices] if *choices > 1 => {
                let same = largest(&floats(quantized)) == largest(&floats(float));
                Agreement { kept: usize::from(same), of: 1 }
            }
            _ => Agreement::default(),
        }
    }
}

/// Returns the place of the first largest element; NaN is none.
fn largest(values: &[f64]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        if best.is_none_or(|best| *value > values[best]) {
            best = Some(at);
        }
    }
    best
}

/// Returns whether the elements are places or truth values: indices of ArgMax and TopK, results of comparisons.
pub fn is_place(data_type: DataType) -> bool {
    !matches!(data_type, DataType::F32 | DataType::F64)
}

/// Converts any numeric tensor to float64, in row-major order.
pub fn floats(tensor: &Tensor) -> Cow<'_, [f64]> {
    match tensor {
        Tensor::F64(_) => Cow::Borrowed(tensor.slice::<f64>().unwrap_or_default()),
        Tensor::F32(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Tensor::U64(a) => a.iter().map(|&v| v as f64).collect(),
        other => other.to_i64s().unwrap_or_default().into_iter().map(|v| v as f64).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize], values: &[f32]) -> Tensor {
        Tensor::new(shape, values.to_vec()).unwrap()
    }

    #[test]
    fn rows_of_the_first_axis_have_equal_weight() {
        let c =
            Comparison::of(&tensor(&[2, 2], &[1.0, 1.0, 4.0, 3.0]), &tensor(&[2, 2], &[1.0, 0.0, 4.0, 0.0])).unwrap();
        // Expected rows: 1 / (1 + 1e-7) and 9 / (16 + 1e-7).
        assert!((c.mean().nsr - 0.78125).abs() < 1e-6);
        assert!((c.mean().mse - 2.5).abs() < 1e-12);
        assert!((c.mean().cosine - (0.5f64.sqrt() + 0.8) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_vector_is_one_row_weighted_by_its_length() {
        let mut sum = Comparison::of(&tensor(&[3], &[2.0, 0.0, 0.0]), &tensor(&[3], &[1.0, 0.0, 0.0])).unwrap();
        sum.add(Comparison::of(&tensor(&[1], &[1.0]), &tensor(&[1], &[1.0])).unwrap());
        // Expected: NSR 1 with weight 3, NSR 0 with weight 1.
        assert!((sum.mean().nsr - 0.75).abs() < 1e-6);
    }

    #[test]
    fn decisions_of_rows_are_counted() {
        let float = tensor(&[1, 3], &[0.1, 0.7, 0.2]);
        let mut sum = Comparison::of(&tensor(&[1, 3], &[0.3, 0.6, 0.1]), &float).unwrap();
        sum.add(Comparison::of(&tensor(&[1, 3], &[0.5, 0.5, 0.0]), &float).unwrap());
        assert_eq!(sum.agreement(), Some(Agreement { kept: 1, of: 2 }), "of equal ones, the first");
        assert_eq!(Comparison::of(&tensor(&[3], &[1.0; 3]), &tensor(&[3], &[1.0; 3])).unwrap().agreement(), None);
    }

    #[test]
    fn the_interval_is_wilsons() {
        let [low, high] = Agreement { kept: 9, of: 10 }.interval();
        assert!((low - 0.5958).abs() < 1e-3 && (high - 0.9821).abs() < 1e-3, "{low} {high}");
        let [low, high] = Agreement { kept: 9, of: 9 }.interval();
        assert!((low - 0.7008).abs() < 1e-3 && high == 1.0, "{low} {high}");
    }

    #[test]
    fn other_shapes_are_refused() {
        assert!(Comparison::of(&tensor(&[1], &[1.0]), &tensor(&[2], &[1.0, 1.0])).is_err());
    }
}
