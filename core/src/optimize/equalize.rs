//! Pass `equalize`: gives channels similar ranges. A factor for each channel moves from the weights before a group of
//! values to those after it, so that no channel is lost next to a larger one with the same scale.
//!
//! The idea is Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019), section
//! 4.1. Here the factors balance three errors, each weighted by the second moments of the samples: of the weights
//! before, of the values, and of the weights after. A channel that a Clip limits on the samples keeps its factor, and
//! no channel is scaled up to the bound. The function of the network is preserved on the samples, and on other inputs
//! if they have the same ranges.

use crate::Result;
use crate::graph::{Graph, ValueId};
use crate::kernels::balance::{Errors, Factors, balanced, errors, largest_product, largest_quotient};
use crate::parallel;
use crate::quant::Edits;

use super::channels::{Chain, Channels};
use super::seen::Magnitudes;
use super::weighted::Weighted;
use super::{Equivalent, Work};

/// Rounds over all groups: each one changes the weights of its neighbours' errors.
const ROUNDS: usize = 3;
/// Ratios to try between the scale of the values and those of the weights before and after, as powers of two.
const RATIOS: std::ops::RangeInclusive<i32> = -12..=12;
/// Largest factor; its inverse is the smallest.
const LARGEST: f64 = 64.0;

/// Returns the network's constants with the channels of every chain equalized.
pub fn equalize(work: &Work) -> Result<Equivalent> {
    let mut graph = work.plan.graph.clone();
    let channels = Channels::of(&graph);
    let of = |value| work.seen.value(value).map(|seen| seen.magnitudes.clone()).unwrap_or_default();
    let mut magnitudes: Vec<Magnitudes> = (0..graph.values.len()).map(|value| of(ValueId(value))).collect();
    let per_channel = work.plan.settings.target.per_channel();
    let mut edits = Edits::default();
    let mut all: Vec<Vec<f64>> = channels.free.iter().map(|chain| vec![1.0; chain.channels]).collect();
    for _ in 0..ROUNDS {
        for (chain, all) in channels.free.iter().zip(&mut all) {
            let factors = Balance::of(&graph, &channels.layers, chain, &magnitudes, per_channel).best();
            let changed = channels.scaled(&graph, chain, &factors)?;
            for (value, tensor) in &changed.constants {
                graph.values[value.0].constant = Some(tensor.clone());
            }
            edits.extend(changed);
            chain.values.iter().for_each(|value| magnitudes[value.0].scale(&factors));
            all.iter_mut().zip(&factors).for_each(|(all, factor)| *all *= factor);
        }
    }
    let by_value = channels.free.iter().zip(all);
    let factors = by_value.flat_map(|(chain, all)| chain.values.iter().map(move |&value| (value, all.clone())));
    Ok(Equivalent { edits, factors: factors.collect() })
}

/// Errors that the factors of one chain balance, by channel.
struct Balance {
    /// Range of the values.
    range: Vec<f64>,
    /// Weight of an error of the value on the outputs of the layers after it.
    importance: Vec<f64>,
    /// Range of the weights before, and the power of their inputs.
    before: Vec<f64>,
    before_power: Vec<f64>,
    /// Range of the weights after, and the weight of their error.
    behind: Vec<f64>,
    behind_weight: Vec<f64>,
    /// Set if the weights before have a scale per channel: factors do not change their error.
    per_channel: bool,
    /// Largest factor; exactly 1 if a bound limits the channel.
    most: Vec<f64>,
    fixed: Vec<bool>,
    /// Set if there is a bound; without one, a common factor has no effect.
    is_bounded: bool,
}

impl Balance {
    fn of(graph: &Graph, layers: &[Weighted], chain: &Chain, magnitudes: &[Magnitudes], per_channel: bool) -> Balance {
        let count = chain.channels;
        let mut balance = Balance {
            range: vec![0.0; count],
            importance: vec![0.0; count],
            before: vec![0.0; count],
            before_power: vec![0.0; count],
            behind: vec![0.0; count],
            behind_weight: vec![0.0; count],
            per_channel,
            most: vec![LARGEST; count],
            fixed: vec![false; count],
            is_bounded: !chain.clips.is_empty(),
        };
        for value in &chain.values {
            let of = &magnitudes[value.0];
            if of.largest.len() == count {
                (0..count).for_each(|c| balance.range[c] = balance.range[c].max(of.largest[c]));
            }
        }
        for &index in &chain.producers {
            balance.add_before(graph, &layers[index], magnitudes);
        }
        for &index in &chain.consumers {
            balance.add_behind(graph, &layers[index], magnitudes);
        }
        for &(input, bound) in &chain.clips {
            let of = &magnitudes[input.0];
            for c in 0..count.min(of.largest.len()) {
                balance.fixed[c] |= of.largest[c] >= 0.999 * bound;
                balance.most[c] =
                    balance.most[c].min(0.999 * bound / of.largest[c].max(f64::MIN_POSITIVE)).max(1.0 / LARGEST);
            }
        }
        balance
    }

    fn add_before(&mut self, graph: &Graph, layer: &Weighted, magnitudes: &[Magnitudes]) {
        let weights = graph.value(layer.weight).constant.as_ref().and_then(|t| t.slice::<f32>()).unwrap_or_default();
        for ((output, _), w) in layer.channels().zip(weights) {
            self.before[output] = self.before[output].max(f64::from(w.abs()));
        }
        let input = &magnitudes[layer.input.0].power;
        let per_group = layer.inputs / layer.groups;
        for output in 0..layer.outputs {
            let group = output / (layer.outputs / layer.groups).max(1);
            let of_group = input.get(group * per_group..(group + 1) * per_group).unwrap_or_default();
            self.before_power[output] += of_group.iter().sum::<f64>() * layer.taps as f64;
        }
    }

    fn add_behind(&mut self, graph: &Graph, layer: &Weighted, magnitudes: &[Magnitudes]) {
        let weights = graph.value(layer.weight).constant.as_ref().and_then(|t| t.slice::<f32>()).unwrap_or_default();
        let output = &magnitudes[layer.output.0].power;
        let all: f64 = output.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let is_depthwise = layer.groups > 1;
        // An error is weighted by its share of the power of the channel or layer that it affects.
        let share = |channel: usize| match is_depthwise {
            true => {
                1.0 / (output.get(channel).copied().unwrap_or(all).max(1e-3 * all / layer.outputs as f64)
                    * layer.outputs as f64)
            }
            false => 1.0 / all,
        };
        for ((o, i), w) in layer.channels().zip(weights) {
            let w = f64::from(w.abs());
            self.behind[i] = self.behind[i].max(w);
            self.importance[i] += w * w * share(o);
        }
        let input = &magnitudes[layer.input.0].power;
        let per_group = (layer.outputs / layer.groups) as f64;
        for (c, power) in input.iter().enumerate().take(layer.inputs) {
            self.behind_weight[c] += power * per_group * layer.taps as f64 * share(c);
        }
    }

    /// Returns the factors with the smallest error among those for the tried ratios of scales.
    fn best(&self) -> Vec<f64> {
        let ones = vec![1.0; self.range.len()];
        // With scales per channel, the weights before the values do not count.
        let before = if self.per_channel { 0..=0 } else { RATIOS };
        let before: Vec<_> = before.collect();
        let tried = parallel::map(before.len(), |index| {
            let limits = self.limits((f64::from(before[index]) * 0.5).exp2());
            let tried = RATIOS.map(|behind| {
                let factors = self.for_ratio(&limits, (f64::from(behind) * 0.5).exp2());
                (self.error(&factors), factors)
            });
            tried.collect::<Vec<_>>()
        });
        let least = |best: (f64, Vec<f64>), one: (f64, Vec<f64>)| if one.0 < best.0 { one } else { best };
        tried.into_iter().flatten().fold((self.error(&ones), ones), least).1
    }

    /// Returns the weights and limits of the factors for a ratio of the scales of values and weights before.
    fn limits(&self, before: f64) -> Limits {
        let step = self.range.iter().copied().fold(0.0, f64::max);
        let before = before * self.before.iter().copied().fold(0.0, f64::max);
        let of_weights = |c: usize| if self.per_channel { 0.0 } else { before * before * self.before_power[c] };
        let most = |c: usize| {
            let most = self.most[c].min(step / self.range[c].max(f64::MIN_POSITIVE));
            if self.per_channel { most } else { most.min(before / self.before[c].max(f64::MIN_POSITIVE)) }
        };
        let channels = 0..self.range.len();
        Limits {
            up: channels.clone().map(|c| (step * step + of_weights(c)) * self.importance[c]).collect(),
            most: channels.map(most).collect(),
        }
    }

    /// Returns each channel's best factor for a ratio of the scales of values and weights behind, within its limits.
    fn for_ratio(&self, limits: &Limits, behind: f64) -> Vec<f64> {
        let behind = behind * self.behind.iter().copied().fold(0.0, f64::max);
        let Limits { up, most } = limits;
        let mut factors =
            balanced(&Factors { up, down: &self.behind_weight, least: &self.behind, most }, behind, LARGEST);
        factors.iter_mut().zip(&self.fixed).filter(|(_, fixed)| **fixed).for_each(|(factor, _)| *factor = 1.0);
        if !self.is_bounded {
            let mean = factors.iter().map(|f| f.ln()).sum::<f64>() / factors.len().max(1) as f64;
            factors.iter_mut().for_each(|f| *f /= mean.exp());
        }
        factors
    }

    /// Computes the sum of the three errors, each weighted by its share of the power after it.
    fn error(&self, factors: &[f64]) -> f64 {
        let Balance { importance, before, before_power, behind_weight, .. } = self;
        let value = largest_product(&self.range, factors);
        let weights = (!self.per_channel).then(|| largest_product(before, factors));
        let behind = largest_quotient(&self.behind, factors);
        let channels = Errors { importance, before, before_power, behind_weight };
        errors(&channels, factors, (value, weights, behind)).into_iter().fold(0.0, |sum, [a, b]| sum + a + b)
    }
}

/// Weights of the errors that factors lower, and the largest factors, by channel.
struct Limits {
    up: Vec<f64>,
    most: Vec<f64>,
}
