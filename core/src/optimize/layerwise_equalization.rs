//! Pass `layerwise-equalization`: esp-ppq's own, with its options, in its float32 arithmetic.
//!
//! esp-ppq: `LayerwiseEqualizationPass` in `optim/equalization.py`, `EqualizationPair` in `algorithm/equalization.py`.

use crate::Result;
use crate::graph::edit::Links;
use crate::graph::{Graph, Tensor, ValueId};
use crate::quant::{Edits, LayerwiseEqualization};

use super::pairs::{self, Pair, is_transposed};
use super::weighted::Weighted;
use super::{EQUALIZATION, Equivalent, Work};

/// Bounds of a factor.
const FACTORS: (f32, f32) = (0.1, 10.0);

/// Returns the network's weights and biases after all iterations.
pub fn layerwise_equalization(work: &Work) -> Result<Equivalent> {
    let options = &work.plan.settings.equalization;
    let graph = &work.plan.graph;
    let links = Links::of(graph);
    let layers = pairs::layers(graph);
    let pairs = pairs::pairs(graph, &links, &layers, options.opt_level, &options.interested_layers)
        .map_err(|e| e.at_key(format!("optimize.{EQUALIZATION}")))?;
    let constants = |of: fn(&Weighted) -> Option<ValueId>| -> Vec<Vec<f32>> {
        let slice = |value| graph.value(value).constant.as_ref().and_then(|tensor| tensor.slice::<f32>());
        layers.iter().map(|layer| of(layer).and_then(slice).unwrap_or_default().to_vec()).collect()
    };
    let outputs = layers.iter().map(|layer| {
        let seen = work.seen.value(layer.output).filter(|_| options.including_act);
        seen.map(|seen| seen.magnitudes.largest_of_first.iter().map(|&v| v as f32).collect()).unwrap_or_default()
    });
    let mut state = State {
        options,
        is_transposed: layers.iter().map(|layer| is_transposed(graph, &links, layer)).collect(),
        weights: constants(|layer| Some(layer.weight)),
        biases: constants(|layer| layer.bias),
        outputs: outputs.collect(),
        layers: &layers,
    };
    let mut factors: Vec<Vec<f64>> = pairs.iter().map(|pair| vec![1.0; pair.channels(&layers)]).collect();
    for _ in 0..options.iterations {
        for (pair, all) in pairs.iter().zip(&mut factors) {
            all.iter_mut().zip(state.equalize(pair)).for_each(|(all, factor)| *all *= f64::from(factor));
        }
    }
    let by_value = pairs.iter().zip(factors);
    let factors = by_value.flat_map(|(pair, all)| pair.values.iter().map(move |&value| (value, all.clone())));
    let factors = factors.collect();
    Ok(Equivalent { edits: state.edits(graph, &pairs)?, factors })
}

/// Constants of all layers between two steps.
struct State<'a> {
    options: &'a LayerwiseEqualization,
    layers: &'a [Weighted],
    is_transposed: Vec<bool>,
    weights: Vec<Vec<f32>>,
    /// Empty where a layer has no bias.
    biases: Vec<Vec<f32>>,
    /// Largest magnitude of each output channel of the network as it was; empty without `including-act`.
    outputs: Vec<Vec<f32>>,
}

impl State<'_> {
    fn equalize(&mut self, pair: &Pair) -> Vec<f32> {
        let channels = pair.channels(self.layers);
        let (mut before, mut after) = (vec![0.0f32; channels], vec![0.0f32; channels]);
        pair.upstream.iter().for_each(|&layer| self.upstream(layer, &mut before));
        pair.downstream.iter().for_each(|&layer| self.downstream(layer, &mut after));
        let threshold = self.options.value_threshold.get();
        let factors: Vec<f32> = before.iter().zip(&after).map(|(&b, &a)| factor(b, a, threshold)).collect();
        for &layer in &pair.upstream {
            let outputs = self.layers[layer].channels().map(|(output, _)| factors[output]);
            self.weights[layer].iter_mut().zip(outputs).for_each(|(w, factor)| *w *= factor);
            self.biases[layer].iter_mut().zip(&factors).for_each(|(b, factor)| *b *= factor);
        }
        for &layer in &pair.downstream {
            let inputs = self.layers[layer].channels().map(|(_, input)| factors[input]);
            self.weights[layer].iter_mut().zip(inputs).for_each(|(w, factor)| *w /= factor);
        }
        factors
    }

    /// Raises the largest magnitudes by output channel to those of a layer.
    fn upstream(&self, index: usize, largest: &mut [f32]) {
        let layer = &self.layers[index];
        for ((output, _), w) in layer.channels().zip(&self.weights[index]) {
            let row = match self.is_transposed[index] {
                true => interleaved(output, layer.outputs, layer.groups),
                false => output,
            };
            raise(&mut largest[row], *w);
        }
        if self.options.including_bias {
            let by = self.options.bias_multiplier.get();
            self.biases[index].iter().zip(&mut *largest).for_each(|(b, most)| raise(most, b * by));
        }
        let by = self.options.act_multiplier.get();
        self.outputs[index].iter().zip(largest).for_each(|(a, most)| raise(most, a * by));
    }

    /// Raises the largest magnitudes by input channel to those of a layer.
    fn downstream(&self, index: usize, largest: &mut [f32]) {
        let layer = &self.layers[index];
        for ((_, input), w) in layer.channels().zip(&self.weights[index]) {
            let row = match self.is_transposed[index] {
                true => input,
                false => interleaved(input, layer.inputs, layer.groups),
            };
            raise(&mut largest[row], *w);
        }
    }

    /// Returns the constants of the layers of `pairs`.
    fn edits(self, graph: &Graph, pairs: &[Pair]) -> Result<Edits> {
        let mut edits = Edits::default();
        for &index in pairs.iter().flat_map(|pair| pair.upstream.iter().chain(&pair.downstream)) {
            let layer = &self.layers[index];
            let constants = [(Some(layer.weight), &self.weights[index]), (layer.bias, &self.biases[index])];
            for (value, elements) in constants.into_iter().filter_map(|(value, elements)| Some((value?, elements))) {
                let Some(old) = &graph.value(value).constant else { continue };
                edits.constants.insert(value, Tensor::new(old.shape(), elements.clone())?);
            }
        }
        Ok(edits)
    }
}

fn raise(most: &mut f32, value: f32) {
    *most = most.max(value.abs());
}

/// Returns the place at which esp-ppq reads a channel of groups: by its place in its group first.
fn interleaved(channel: usize, channels: usize, groups: usize) -> usize {
    let per_group = (channels / groups.max(1)).max(1);
    channel % per_group * groups + channel / per_group
}

fn factor(before: f32, after: f32, threshold: f32) -> f32 {
    let factor = 1.0 / (before / after).sqrt();
    // Without weights on both sides there is nothing to balance.
    match before + after < threshold || factor.is_nan() {
        true => 1.0,
        false => factor.clamp(FACTORS.0, FACTORS.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_balances_both_ranges_within_its_bounds() {
        assert_eq!(factor(4.0, 1.0, 0.5), 0.5);
        assert_eq!(factor(1e-6, 1.0, 0.5), 10.0);
        assert_eq!(factor(1.0, 1e-6, 0.5), 0.1);
        assert_eq!((factor(0.2, 0.1, 0.5), factor(0.0, 0.0, 0.0)), (1.0, 1.0));
    }

    #[test]
    fn channels_of_groups_are_read_by_their_place_in_the_group() {
        assert_eq!([0, 1, 2, 3].map(|channel| interleaved(channel, 4, 2)), [0, 2, 1, 3]);
        assert_eq!([0, 1, 2, 3].map(|channel| interleaved(channel, 4, 1)), [0, 1, 2, 3]);
        assert_eq!([0, 1, 2, 3].map(|channel| interleaved(channel, 4, 4)), [0, 1, 2, 3]);
    }
}
