//! Observers: statistics of a tensor, and the scales computed from them.
//!
//! esp-ppq: `quantization/observer/range.py`.
//!
//! Never: nodes; the plan selects the observed ports.

mod contenders;
mod extremes;
mod histogram;
mod kl;
mod mse;
mod percentile;

#[cfg(test)]
mod tests;

pub use extremes::Extremes;
pub use histogram::Histogram;
pub use percentile::percentiles;

use kl::kl_exponent;
use mse::mse_exponent;

use crate::chip::Method;
use crate::graph::Tensor;

/// Elements of a tensor.
#[derive(Debug, Clone, Copy)]
pub enum Elements<'a> {
    /// Elements of most layers.
    F32(&'a [f32]),
    /// Elements of layers whose sums are computed in float64.
    F64(&'a [f64]),
}

impl<'a> Elements<'a> {
    /// Returns the elements of a tensor; `None` if they are not float32 or float64.
    pub fn of(tensor: &'a Tensor) -> Option<Elements<'a>> {
        tensor.slice().map(Elements::F32).or_else(|| tensor.slice().map(Elements::F64))
    }

    /// Copies the elements, rounded to float32.
    pub fn to_f32(self) -> Vec<f32> {
        match self {
            Elements::F32(values) => values.to_vec(),
            Elements::F64(values) => values.iter().map(|&v| v as f32).collect(),
        }
    }
}

impl Method {
    /// Returns `true` if the method needs a second pass over the samples, for a histogram.
    pub fn takes_histogram(self) -> bool {
        matches!(self, Method::Kl | Method::Mse)
    }

    /// Number of bins of magnitudes for a port of this width.
    pub fn bins(self, bits: u32) -> usize {
        match self {
            Method::Mse => 2048,
            _ => 32 << (bits - 1),
        }
    }
}

/// Computes the exponent of the observer `method` for a port of `bits` from the counts of magnitudes.
pub fn histogram_exponent(method: Method, histogram: &Histogram, bits: u32) -> i32 {
    match method {
        Method::Mse => mse_exponent(histogram, bits),
        _ => kl_exponent(histogram, bits),
    }
}
