//! Pass `channel-split`: esp-ppq's own. A channel with large weights before and after it becomes two with 0.707 of both. It
//! costs the flash and the time of the channels.
//!
//! esp-ppq: `ChannelwiseSplitPass` in `optim/equalization.py`, `ChannelSplitHelper` in `algorithm/equalization.py`. Besides the
//! pairs of `pairs.rs`, those with a PRelu of several slopes are left out, which esp-ppq does not split.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::graph::edit::Links;
use crate::graph::{Graph, Tensor, ValueId};
use crate::quant::ChannelSplit;
use crate::{Error, Result};

use super::pairs::{self, Pair};
use super::weighted::Weighted;

/// Elements of one layer's weights beyond which no chip has the flash.
const MOST: usize = 1 << 25;

/// Splits channels in all iterations. Returns their number.
pub fn channel_split(graph: &mut Graph, options: &ChannelSplit) -> Result<usize> {
    let mut count = 0;
    for _ in 0..options.iterations {
        let (links, layers) = (Links::of(graph), pairs::layers(graph));
        let mut found = pairs::pairs(graph, &links, &layers, options.opt_level, &options.interested_layers)?;
        found.retain(|pair| can_split(graph, &links, &layers, pair));
        let before = count;
        for pair in &found {
            count += split(graph, pair, options)?;
        }
        if count == before {
            break;
        }
    }
    Ok(count)
}

fn can_split(graph: &Graph, links: &Links, layers: &[Weighted], pair: &Pair) -> bool {
    let has_slopes = |value: &ValueId| {
        links.consumers[value.0].iter().any(|&(reader, _)| {
            let node = graph.node(reader);
            node.is("PRelu") && graph.constant(node, 1).is_some_and(|slopes| slopes.len() > 1)
        })
    };
    let mut all = pair.upstream.iter().chain(&pair.downstream);
    all.all(|&layer| layers[layer].groups == 1) && !pair.values.iter().any(has_slopes)
}

fn split(graph: &mut Graph, pair: &Pair, options: &ChannelSplit) -> Result<usize> {
    // Pairs before this one have changed the numbers of channels.
    let layers = pairs::layers(graph);
    let channels = pair.channels(&layers);
    let (mut before, mut after) = (vec![0.0f32; channels], vec![0.0f32; channels]);
    let elements = |value: Option<ValueId>| {
        value.and_then(|value| graph.value(value).constant.as_ref()?.slice::<f32>()).unwrap_or_default()
    };
    let raise = |most: &mut f32, value: f32| *most = most.max(value.abs());
    for layer in pair.upstream.iter().map(|&layer| &layers[layer]) {
        let weights = layer.channels().zip(elements(Some(layer.weight)));
        weights.for_each(|((output, _), w)| raise(&mut before[output], *w));
        if options.including_bias {
            let by = options.bias_multiplier.get();
            before.iter_mut().zip(elements(layer.bias)).for_each(|(most, bias)| raise(most, bias * by));
        }
    }
    for layer in pair.downstream.iter().map(|&layer| &layers[layer]) {
        let weights = layer.channels().zip(elements(Some(layer.weight)));
        weights.for_each(|((_, input), w)| raise(&mut after[input], *w));
    }
    let threshold = options.value_threshold.get();
    let mask: Vec<bool> = before.iter().zip(&after).map(|(&b, &a)| b >= threshold && a >= threshold).collect();
    let count = mask.iter().filter(|split| **split).count();
    if count == 0 {
        return Ok(0);
    }
    for layer in pair.upstream.iter().map(|&layer| &layers[layer]) {
        along(graph, layer.weight, layer.output_axis(), &mask)?;
        if let Some(bias) = layer.bias {
            let axis = graph.shape(bias).map_or(0, |shape| shape.len().saturating_sub(1));
            along(graph, bias, axis, &mask)?;
        }
    }
    for layer in pair.downstream.iter().map(|&layer| &layers[layer]) {
        along(graph, layer.weight, 1 - layer.output_axis(), &mask)?;
    }
    Ok(count)
}

/// Repeats the marked channels of a constant, each times 0.707.
fn along(graph: &mut Graph, value: ValueId, axis: usize, mask: &[bool]) -> Result<()> {
    let Some(constant) = graph.value(value).constant.clone() else { return Ok(()) };
    let shape = constant.shape();
    let added = mask.iter().filter(|split| **split).count();
    let inner: usize = shape[axis + 1..].iter().product();
    if shape[axis] != mask.len() || constant.len() / mask.len() * (mask.len() + added) > MOST {
        return Err(Error::new(format!(
            "'{}' cannot be split into more channels: it would be too large",
            graph.value(value).name
        ))
        .with_help("set fewer iterations, or a larger `value-threshold`"));
    }
    let elements = constant.slice::<f32>().unwrap_or_default();
    let mut split = Vec::with_capacity(elements.len() / mask.len() * (mask.len() + added));
    for (at, block) in elements.chunks(inner.max(1)).enumerate() {
        match mask[at % mask.len()] {
            true => (0..2).for_each(|_| split.extend(block.iter().map(|v| v * FRAC_1_SQRT_2 as f32))),
            false => split.extend_from_slice(block),
        }
    }
    let mut shape = shape.to_vec();
    shape[axis] += added;
    let value = &mut graph.values[value.0];
    value.constant = Some(Tensor::new(&shape, split)?);
    value.shape = Some(shape);
    Ok(())
}
