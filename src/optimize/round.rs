//! Pass `round`: rounds weights one after the other, each compensating the error of the previous ones on the samples'
//! inputs.
//!
//! Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022), equation
//! 2, here by the Cholesky factor of the second moments themselves and from the last weight to the first, which is
//! equivalent and needs no inverse. Inputs are those of the quantized network, and the step is the weight's own.

use rayon::prelude::*;

use crate::Result;
use crate::graph::{Tensor, ValueId};
use crate::kernels::matmul::{Matrix, multiply};

use super::patches::Reader;
use super::sweep::Layer;

/// Share of the mean second moment that is added to each: Frantar et al., section 4.
const DAMPING: f64 = 0.01;
/// Maximum width of weights: wider ones have too little error to gain from this.
const BITS: u32 = 8;
/// Number of samples whose second moments are in memory at a time.
const TOGETHER: usize = 4;

/// Returns the weights of a layer as multiples of their scale.
pub fn round(layer: &Layer) -> Result<Option<(ValueId, Tensor)>> {
    let weighted = layer.weighted;
    let (Some(grid), Some(reader)) = (layer.weights, Reader::of(layer.graph, weighted)) else { return Ok(None) };
    let Some(constant) = layer.graph.value(weighted.weight).constant.as_ref() else { return Ok(None) };
    if grid.bits > BITS || grid.exponents.is_empty() {
        return Ok(None);
    }
    let mut rows = weighted.rows(constant.slice::<f32>().unwrap_or_default());
    let (filter, per_group) = (weighted.filter(), weighted.outputs / weighted.groups);
    let limits = (-f32::from(2u8).powi(grid.bits as i32 - 1), f32::from(2u8).powi(grid.bits as i32 - 1) - 1.0);
    for group in 0..weighted.groups {
        let Some(moments) = moments(layer, &reader, group)? else { return Ok(None) };
        let factor = Factor::of(moments, filter);
        let block = &mut rows[group * per_group * filter..][..per_group * filter];
        block.par_chunks_exact_mut(filter.max(1)).enumerate().for_each(|(channel, row)| {
            let channel = group * per_group + channel;
            let step = 2f32.powi(grid.exponents[channel % grid.exponents.len()]);
            factor.round(row, step, limits);
        });
    }
    Ok(Some((weighted.weight, Tensor::new(constant.shape(), weighted.unrolled(&rows))?)))
}

/// Computes second moments of a group's inputs over all samples and positions, a square matrix; `None` if the input is
/// not float.
fn moments(layer: &Layer, reader: &Reader, group: usize) -> Result<Option<Vec<f64>>> {
    let size = layer.weighted.filter();
    let mut sum = vec![0.0f64; size * size];
    let samples: Vec<usize> = (0..layer.samples()).collect();
    for together in samples.chunks(TOGETHER) {
        let each = together.par_iter().map(|&sample| {
            let Some(input) = layer.input(sample)? else { return Ok(None) };
            let Some(patches) = reader.patches(layer.weighted, group, &input) else { return Ok(None) };
            let columns = Matrix::dense(&patches.data, patches.rows, patches.columns);
            let mut product = vec![0.0f32; size * size];
            multiply(columns, columns.transposed(), &mut product);
            Ok(Some(product))
        });
        // Added in the order of the samples, so that the sum does not depend on the number of threads.
        for product in each.collect::<Result<Vec<_>>>()? {
            let Some(product) = product else { return Ok(None) };
            sum.iter_mut().zip(product).for_each(|(sum, one)| *sum += f64::from(one));
        }
    }
    Ok(Some(sum))
}

/// Upper Cholesky factor of second moments, inputs ordered by their power.
struct Factor {
    /// Rows of the factor; elements below the diagonal are not read.
    upper: Vec<f32>,
    size: usize,
    /// Position in the filter of each row of the factor, the weakest input first.
    order: Vec<usize>,
}

impl Factor {
    fn of(moments: Vec<f64>, size: usize) -> Factor {
        let diagonal = |at: usize| moments[at * size + at];
        let mean = (0..size).map(diagonal).sum::<f64>() / size.max(1) as f64;
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|&a, &b| diagonal(a).total_cmp(&diagonal(b)));
        let mut upper = vec![0.0f64; size * size];
        for (r, &a) in order.iter().enumerate() {
            for (c, &b) in order.iter().enumerate().skip(r) {
                upper[r * size + c] = moments[a * size + b];
            }
            // An input that is always 0 has no effect.
            upper[r * size + r] += if mean > 0.0 { DAMPING * mean } else { 1.0 };
        }
        for r in 0..size {
            let (done, rest) = upper.split_at_mut((r + 1) * size);
            let row = &mut done[r * size..];
            let pivot = row[r].max(f64::MIN_POSITIVE).sqrt();
            row[r..].iter_mut().for_each(|v| *v /= pivot);
            let row = &*row;
            rest.par_chunks_exact_mut(size).with_min_len(32).enumerate().for_each(|(below, other)| {
                let c = r + 1 + below;
                let by = row[c];
                if by != 0.0 {
                    other[c..].iter_mut().zip(&row[c..]).for_each(|(v, w)| *v -= by * w);
                }
            });
        }
        Factor { upper: upper.into_iter().map(|v| v as f32).collect(), size, order }
    }

    /// Rounds one filter to multiples of `step` within `limits` (in steps).
    fn round(&self, filter: &mut [f32], step: f32, limits: (f32, f32)) {
        let mut errors = vec![0.0f32; self.size];
        for r in (0..self.size).rev() {
            let row = &self.upper[r * self.size..][..self.size];
            let place = self.order[r];
            let carried: f32 = dot(&row[r + 1..], &errors[r + 1..]);
            let wanted = filter[place] + carried / row[r];
            let rounded = (wanted / step).round_ties_even().clamp(limits.0, limits.1) * step;
            errors[r] = filter[place] - rounded;
            filter[place] = rounded;
        }
    }
}

/// Computes a sum of products, in eight lanes so that it is vectorized.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes the error of rounded weights on the inputs, from second moments.
    fn error(moments: &[f64], float: &[f32], rounded: &[f32]) -> f64 {
        let size = float.len();
        let e: Vec<f64> = float.iter().zip(rounded).map(|(f, r)| f64::from(f - r)).collect();
        (0..size).flat_map(|a| (0..size).map(move |b| (a, b))).map(|(a, b)| e[a] * moments[a * size + b] * e[b]).sum()
    }

    #[test]
    fn correlated_inputs_compensate_each_other() {
        let moments = vec![1.0, 0.99, 0.99, 1.0];
        let float = [0.4f32, 0.4];
        let mut rounded = float;
        Factor::of(moments.clone(), 2).round(&mut rounded, 1.0, (-128.0, 127.0));
        // Rounding to the nearest would make both 0, and lose the sum of 0.8.
        assert_eq!(rounded.iter().sum::<f32>(), 1.0);
        assert!(error(&moments, &float, &rounded) < error(&moments, &float, &[0.0, 0.0]));
    }

    #[test]
    fn uncorrelated_inputs_are_rounded_to_the_nearest() {
        let mut rounded = [0.4f32, 0.6, -1.4];
        Factor::of(vec![1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0], 3).round(&mut rounded, 1.0, (-128.0, 127.0));
        assert_eq!(rounded, [0.0, 1.0, -1.0]);
    }

    #[test]
    fn weights_stay_within_their_width() {
        let mut rounded = [500.0f32, -500.0];
        Factor::of(vec![1.0, 0.5, 0.5, 1.0], 2).round(&mut rounded, 1.0, (-128.0, 127.0));
        assert_eq!(rounded, [127.0, -128.0]);
    }
}
