//! Pass `round`: rounds weights one after the other, each compensating the error of the previous ones on the samples'
//! inputs.
//!
//! Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022), equation
//! 2, here by the Cholesky factor of the second moments themselves and from the last weight to the first, which is
//! equivalent and needs no inverse. Inputs are those of the quantized network, and the step is the weight's own.

use crate::Result;
use crate::exec::FakeQuant;
use crate::graph::Tensor;
use crate::parallel;

use super::factor::{Factor, Rounded, Wanted};
use super::inputs::Inputs;
use super::patches::Reader;
use super::sweep::{Change, Layer};

/// Weights of more bits lose nothing that rounding by data would bring back.
const BITS: u32 = 8;
/// Steps that are tried, as powers of two of the weights' own.
const FINER: [i32; 2] = [0, -1];

/// Returns the weights of a layer on their grid.
pub fn round(layer: &Layer) -> Result<Vec<Change>> {
    let weighted = layer.weighted;
    let (Some(grid), Some(reader)) = (layer.weights, Reader::of(layer.graph, weighted)) else { return Ok(Vec::new()) };
    let Some(constant) = layer.graph.value(weighted.weight).constant.as_ref() else { return Ok(Vec::new()) };
    if grid.bits > BITS || grid.exponents.is_empty() {
        return Ok(Vec::new());
    }
    let Some(inputs) = layer.inputs(&reader)? else { return Ok(Vec::new()) };
    let rows = weighted.rows(constant.slice::<f32>().unwrap_or_default());
    let finer: Vec<i32> = FINER.into_iter().filter(|&finer| fits(layer, finer)).collect();
    let tried = on_grids(layer, grid, &finer, &rows, inputs);
    let (rounded, exponents) = least(grid, &finer, &tried);
    let is_new = exponents != grid.exponents;
    let tensor = Tensor::new(constant.shape(), weighted.unrolled(&rounded))?;
    Ok(vec![Change { value: weighted.weight, tensor, exponents: is_new.then_some(exponents) }])
}

/// All filters on steps that are finer by these powers of two: for each power the filters in their order.
fn on_grids(layer: &Layer, grid: &FakeQuant, finer: &[i32], rows: &[f32], inputs: &[Inputs]) -> Vec<Vec<Rounded>> {
    let weighted = layer.weighted;
    let (filter, per_group) = (weighted.filter(), weighted.outputs / weighted.groups);
    let limits = (-f32::from(2u8).powi(grid.bits as i32 - 1), f32::from(2u8).powi(grid.bits as i32 - 1) - 1.0);
    let exponent = |channel: usize| grid.exponents[channel % grid.exponents.len()];
    // A filter in one part with a step of its own needs no result that loses more than another one.
    let is_alone = grid.exponents.len() == weighted.outputs && inputs.iter().all(|part| part.elements.len() == filter);
    let of_part = |part: &Inputs| {
        let size = part.elements.len();
        let factor = Factor::of(&part.form, size);
        let channels = part.group * per_group..(part.group + 1) * per_group;
        let mut enough = vec![f64::INFINITY; channels.len()];
        let round = |&finer: &i32| {
            let wanted = channels.clone().zip(&enough).map(|(channel, &enough)| Wanted {
                filter: &rows[channel * filter..][part.elements.clone()],
                step: 2f32.powi(exponent(channel) + finer),
                enough,
            });
            let rounded = factor.round(&wanted.collect::<Vec<_>>(), limits);
            if is_alone {
                enough.iter_mut().zip(&rounded).for_each(|(enough, one)| *enough = enough.min(one.loss));
            }
            rounded
        };
        finer.iter().map(round).collect::<Vec<_>>()
    };
    let parts: Vec<Vec<Vec<Rounded>>> = parallel::map(inputs.len(), |index| of_part(&inputs[index]));
    let mut tried = vec![vec![Rounded::default(); weighted.outputs]; finer.len()];
    for (part, by_step) in inputs.iter().zip(parts) {
        for (tried, rounded) in tried.iter_mut().zip(by_step) {
            for (whole, one) in tried[part.group * per_group..].iter_mut().zip(rounded) {
                whole.filter.extend(one.filter);
                whole.loss += one.loss;
            }
        }
    }
    tried
}

/// Returns the result with the least loss of each filter, or of all filters that share a step; the first of equal ones.
fn least(grid: &FakeQuant, finer: &[i32], tried: &[Vec<Rounded>]) -> (Vec<f32>, Vec<i32>) {
    let shares = grid.exponents.len();
    let loss =
        |share: usize, filters: &[Rounded]| filters.iter().skip(share).step_by(shares).map(|r| r.loss).sum::<f64>();
    let best = |share: usize| {
        let losses = tried.iter().map(|filters| loss(share, filters)).enumerate();
        losses.fold((0, f64::INFINITY), |best, one| if one.1 < best.1 { one } else { best }).0
    };
    let chosen: Vec<usize> = (0..shares).map(best).collect();
    let filters = tried.first().map_or(0, Vec::len);
    let rounded = (0..filters).flat_map(|channel| &tried[chosen[channel % shares]][channel].filter);
    let exponents = grid.exponents.iter().zip(&chosen).map(|(e, &at)| e + finer[at]);
    (rounded.copied().collect(), exponents.collect())
}

/// A bias is a multiple of the product of both steps, and must not overflow with a finer one.
fn fits(layer: &Layer, finer: i32) -> bool {
    let bias = layer.weighted.bias.and_then(|bias| layer.graph.value(bias).constant.as_ref()?.slice::<f32>());
    let (Some(bias), Some(grid)) = (bias, layer.bias) else { return true };
    let most = f64::from(grid.bits as i32 - 1).exp2() - 1.0;
    let exponents = grid.exponents.iter().cycle();
    finer == 0 || bias.iter().zip(exponents).all(|(v, e)| f64::from(v.abs()) <= most * f64::from(e + finer).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Rounding;

    fn grid(exponents: &[i32]) -> FakeQuant {
        FakeQuant { exponents: exponents.to_vec(), axis: Some(0), bits: 8, rounding: Rounding::HalfEven }
    }

    fn rounded(losses: &[f64], value: f32) -> Vec<Rounded> {
        losses.iter().map(|&loss| Rounded { filter: vec![value], loss }).collect()
    }

    #[test]
    fn every_filter_has_the_step_that_loses_less() {
        let tried = [rounded(&[1.0, 2.0, 3.0], 1.0), rounded(&[0.5, 2.0, 4.0], 0.5)];
        assert_eq!(least(&grid(&[-3, -4, -5]), &FINER, &tried), (vec![0.5, 1.0, 1.0], vec![-4, -4, -5]));
    }

    #[test]
    fn filters_that_share_a_step_lose_less_together() {
        let tried = [rounded(&[1.0, 2.0, 3.0], 1.0), rounded(&[0.5, 2.0, 4.0], 0.5)];
        assert_eq!(least(&grid(&[-3]), &FINER, &tried), (vec![1.0; 3], vec![-3]));
        assert_eq!(least(&grid(&[-3]), &FINER[..1], &tried[..1]), (vec![1.0; 3], vec![-3]));
    }
}
