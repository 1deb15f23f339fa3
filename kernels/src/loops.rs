//! Kernels of float32 and float64 that are compiled in this crate.
//!
//! A generic function is compiled by the crate that calls it, at that crate's level of optimization, and once in each; the functions
//! that a trait has for a type are compiled where it is implemented. The public kernels call these.

use super::conv::{Conv, ConvShape};
use super::dense::Dense;
use super::errors::{ErrorSums, Gaps};
use super::rounding::Rounding;
use super::window::Window;
use super::{activation, conv, dense, errors, pool, rounding, transposed};
use crate::Result;

/// Kernels of one type.
pub trait Loops: Sized {
    /// [`Conv::run`]
    fn convolve(conv: &Conv<Self>, x: &[Self], bias: Option<&[Self]>, range: Option<(Self, Self)>)
    -> Result<Vec<Self>>;
    /// [`Dense::run`]
    fn multiply(
        dense: &Dense<Self>,
        a: &[Self],
        bias: Option<(&[Self], (usize, usize))>,
        scales: (Self, Self),
        range: Option<(Self, Self)>,
    ) -> Result<Vec<Self>>;
    /// [`transposed::conv_transpose`]
    fn convolve_transposed(
        shape: &ConvShape,
        weights: &[Self],
        x: &[Self],
        bias: Option<&[Self]>,
        range: Option<(Self, Self)>,
    ) -> Result<Vec<Self>>;
    /// [`pool::max`]
    fn largest(w: &Window, planes: usize, x: &[Self]) -> Result<Vec<Self>>;
    /// [`pool::average`]
    fn average(w: &Window, planes: usize, x: &[Self], count_pads: bool) -> Result<Vec<Self>>;
    /// [`pool::global_average`]
    fn global_average(x: &[Self], planes: usize, size: usize) -> Vec<Self>;
    /// [`activation::sigmoid`]
    fn sigmoid(values: &mut [Self]);
    /// [`activation::swish`]
    fn swish(values: &mut [Self]);
    /// [`rounding::fake_quantize`]
    fn fake_quantize(values: &mut [Self], exponent: i32, bits: u32, rounding: Rounding);
    /// [`errors::error_sums`]
    fn error_sums(quantized: &[Self], float: &[Self]) -> ErrorSums;
    /// [`errors::gaps`]
    fn gaps(a: &[Self], b: &[Self], limit: f64) -> Gaps;
    /// [`errors::clamped_sum`]
    fn clamped_sum(values: &[Self], range: (Self, Self)) -> f64;
    /// [`errors::add_clamped`]
    fn add_clamped(sums: &mut [f64], values: &[Self], range: (Self, Self));
}

macro_rules! loops {
    ($($type:ty)*) => {$(impl Loops for $type {
        fn convolve(
            conv: &Conv<Self>,
            x: &[Self],
            bias: Option<&[Self]>,
            range: Option<(Self, Self)>,
        ) -> Result<Vec<Self>> {
            conv::run(conv, x, bias, range)
        }
        fn multiply(
            dense: &Dense<Self>,
            a: &[Self],
            bias: Option<(&[Self], (usize, usize))>,
            scales: (Self, Self),
            range: Option<(Self, Self)>,
        ) -> Result<Vec<Self>> {
            dense::run(dense, a, bias, scales, range)
        }
        fn convolve_transposed(
            shape: &ConvShape,
            weights: &[Self],
            x: &[Self],
            bias: Option<&[Self]>,
            range: Option<(Self, Self)>,
        ) -> Result<Vec<Self>> {
            transposed::run(shape, weights, x, bias, range)
        }
        fn largest(w: &Window, planes: usize, x: &[Self]) -> Result<Vec<Self>> {
            pool::largest_of_windows(w, planes, x)
        }
        fn average(w: &Window, planes: usize, x: &[Self], count_pads: bool) -> Result<Vec<Self>> {
            pool::average_of_windows(w, planes, x, count_pads)
        }
        fn global_average(x: &[Self], planes: usize, size: usize) -> Vec<Self> {
            pool::average_of_planes(x, planes, size)
        }
        fn sigmoid(values: &mut [Self]) {
            activation::sigmoid_of(values);
        }
        fn swish(values: &mut [Self]) {
            activation::swish_of(values);
        }
        fn fake_quantize(values: &mut [Self], exponent: i32, bits: u32, rounding: Rounding) {
            rounding::round_trip(values, exponent, bits, rounding);
        }
        fn error_sums(quantized: &[Self], float: &[Self]) -> ErrorSums {
            errors::sums(quantized, float)
        }
        fn gaps(a: &[Self], b: &[Self], limit: f64) -> Gaps {
            errors::gaps_of(a, b, limit)
        }
        fn clamped_sum(values: &[Self], range: (Self, Self)) -> f64 {
            errors::clamped_sum_of(values, range)
        }
        fn add_clamped(sums: &mut [f64], values: &[Self], range: (Self, Self)) {
            errors::add_clamped_to(sums, values, range);
        }
    })*};
}

loops!(f32 f64);
