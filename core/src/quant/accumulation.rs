//! Layers whose sums float32 cannot represent exactly: it holds integers up to 2^24.

use crate::graph::{NodeId, Tensor};
use crate::kernels::errors::sum_of_magnitudes;
use crate::ops::{self, Weights};

use super::config::ConfigId;
use super::plan::{NodeConfig, Plan};

/// Largest magnitude of an 8-bit activation.
const ACTIVATION: f64 = 128.0;
const EXACT: f64 = (1 << 24) as f64;

/// Returns `true` if the worst-case sum of a layer of 8-bit activations, in steps of input scale times weight scale,
/// may exceed float32's exact range: sum of |weights| * 128 + |bias| of any output channel. esp-ppq sums in float32
/// nevertheless.
pub(super) fn beyond_float32(plan: &Plan, id: NodeId, config: &NodeConfig) -> bool {
    let node = plan.graph.node(id);
    let Some(axis) = channel_axis(plan, id) else { return false };
    let steps = |port: usize, axis: usize| -> Option<Vec<f64>> {
        magnitudes(plan.graph.constant(node, port)?, plan, *config.inputs.get(port)?, axis)
    };
    let Some(weights) = steps(1, axis) else { return false };
    let bias = steps(2, last_axis(plan.graph.constant(node, 2))).unwrap_or_default();
    let most = |(channel, w): (usize, &f64)| w * ACTIVATION + bias.get(channel).copied().unwrap_or(0.0);
    weights.iter().enumerate().map(most).any(|sum| sum >= EXACT)
}

/// Axis of a layer's weights along which its output channels lie; `None` for a layer without weights.
fn channel_axis(plan: &Plan, id: NodeId) -> Option<usize> {
    let node = plan.graph.node(id);
    match ops::find(&node.op).map_or(Weights::None, |o| o.treatment.weights) {
        Weights::None => None,
        Weights::Whole => Some(last_axis(plan.graph.constant(node, 1))),
        Weights::ByChannel(axis) => Some(axis(&node.attributes)),
    }
}

/// Returns the largest magnitude of the constant weights of each output channel; `None` for a layer without them.
pub(super) fn largest_weights(plan: &Plan, id: NodeId) -> Option<Vec<f32>> {
    let tensor = plan.graph.constant(plan.graph.node(id), 1)?;
    let (axis, values) = (channel_axis(plan, id)?, tensor.slice::<f32>()?);
    let mut largest = vec![0f32; *tensor.shape().get(axis)?];
    let inner: usize = tensor.shape()[axis + 1..].iter().product();
    for (block, run) in values.chunks(inner.max(1)).enumerate() {
        let channel = block % largest.len().max(1);
        largest[channel] = run.iter().fold(largest[channel], |most, value| most.max(value.abs()));
    }
    Some(largest)
}

fn last_axis(tensor: Option<&Tensor>) -> usize {
    tensor.map_or(0, |t| t.shape().len().saturating_sub(1))
}

/// Computes sums of |value / scale| over all elements with the same index along `axis`.
fn magnitudes(tensor: &Tensor, plan: &Plan, config: ConfigId, axis: usize) -> Option<Vec<f64>> {
    let (values, shape) = (tensor.slice::<f32>()?, tensor.shape());
    let exponents = plan.configs.exponents(config).filter(|_| plan.configs[config].state.is_active())?;
    let channels = *shape.get(axis)?;
    let inner: usize = shape[axis + 1..].iter().product();
    let mut sums = vec![0f64; channels];
    for (block, run) in values.chunks(inner.max(1)).enumerate() {
        sums[block % channels] += sum_of_magnitudes(run);
    }
    for (channel, sum) in sums.iter_mut().enumerate() {
        let exponent = exponents.get(channel).or(exponents.first())?;
        *sum *= (-f64::from(*exponent)).exp2();
    }
    Some(sums)
}
