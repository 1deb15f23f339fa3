//! Folding of BatchNormalization after Gemm, or after a Conv or ConvTranspose that onnxsim has left.
//!
//! In float32 and in esp-ppq's order of operations (`fuse_bn`): W' = W * (gamma / sqrt(var + eps)), b' = gamma * (b -
//! mean) / sqrt(var + eps) + beta. The root here is correctly rounded. esp-ppq's is PyTorch's, whose vector library on
//! some processors is off by one in the last bit for one value in five: such weights agree to 2 units in the last
//! place.

use super::layers::Layers;
use crate::graph::{Attribute, Node, NodeId, Tensor};

pub fn fuse(layers: &mut Layers) {
    for id in layers.of_type(&["Conv", "Gemm", "ConvTranspose"]) {
        let norm = layers.after(id).filter(|norm| layers.node(*norm).is("BatchNormalization"));
        let Some(norm) = norm else { continue };
        let Some((weights, bias)) = folded(layers, id, norm) else { continue };
        let node = layers.node(id).clone();
        let outputs = layers.node(norm).outputs[..1].to_vec();
        layers.remove(id);
        layers.remove(norm);
        let weights = layers.add_constant(&format!("{}_weight", node.name), weights);
        let bias = layers.add_constant(&format!("{}_bias", node.name), bias);
        let mut fused = Node { inputs: vec![node.input(0), Some(weights), Some(bias)], outputs, ..node };
        for name in ["alpha", "beta"] {
            if fused.attributes.float(name).is_some() {
                fused.attributes.set(name, Attribute::Float(1.0));
            }
        }
        layers.append(fused);
    }
}

/// Parameters gamma, beta, mean, variance, epsilon.
pub struct Norm<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub mean: &'a [f32],
    pub variance: &'a [f32],
    pub epsilon: f32,
}

impl Norm<'_> {
    pub fn of(layers: &Layers, id: NodeId) -> Option<Norm<'_>> {
        let parameter = |port| layers.constant(id, port)?.slice::<f32>();
        let norm = Norm {
            gamma: parameter(1)?,
            beta: parameter(2)?,
            mean: parameter(3)?,
            variance: parameter(4)?,
            epsilon: layers.node(id).attributes.float_or("epsilon", 1e-5),
        };
        let channels = norm.gamma.len();
        let used: Vec<_> = layers.node(id).outputs.iter().flatten().collect();
        let even = [norm.beta.len(), norm.mean.len(), norm.variance.len()] == [channels; 3];
        (even && used.len() == 1).then_some(norm)
    }

    pub fn scale(&self, channel: usize) -> f32 {
        self.gamma[channel] / (self.variance[channel] + self.epsilon).sqrt()
    }

    pub fn shift(&self, channel: usize, bias: f32) -> f32 {
        self.gamma[channel] * (bias - self.mean[channel]) / (self.variance[channel] + self.epsilon).sqrt()
            + self.beta[channel]
    }
}

fn folded(layers: &Layers, id: NodeId, norm: NodeId) -> Option<(Tensor, Tensor)> {
    let (node, norm) = (layers.node(id), Norm::of(layers, norm)?);
    let weights = layers.constant(id, 1)?;
    let channels = norm.gamma.len();
    let shape = weights.shape();
    let group = usize::try_from(node.attributes.int_or("group", 1)).ok().filter(|&g| g > 0)?;
    // Number of consecutive weights per channel, and whether channels restart for each group.
    let inner = |axis: usize| -> usize { shape[axis + 1..].iter().product() };
    let channel: Box<dyn Fn(usize) -> usize> = match node.op.as_str() {
        "Conv" if shape.first() == Some(&channels) => {
            let inner = inner(0);
            Box::new(move |i| i / inner)
        }
        "Gemm" if shape.len() == 2 && node.attributes.int_or("transA", 0) == 0 => {
            let axis = usize::from(node.attributes.int_or("transB", 0) == 0);
            if shape[axis] != channels {
                return None;
            }
            let inner = inner(axis);
            Box::new(move |i| i / inner % channels)
        }
        "ConvTranspose" if shape.len() > 1 && shape[1] * group == channels && shape[0] % group == 0 => {
            let (inner, per_group, rows) = (inner(1), shape[1], shape[0] / group);
            Box::new(move |i| i / inner % per_group + i / (inner * per_group * rows) * per_group)
        }
        _ => return None,
    };
    let (alpha, beta) = (node.attributes.float_or("alpha", 1.0), node.attributes.float_or("beta", 1.0));
    let given = bias(layers, id, channels)?;
    let bias = (0..channels).map(|c| norm.shift(c, given[c] * beta)).collect();
    let weights: Vec<f32> =
        weights.slice::<f32>()?.iter().enumerate().map(|(i, w)| w * alpha * norm.scale(channel(i))).collect();
    Some((Tensor::new(shape, weights).ok()?, Tensor::new(&[channels], bias).ok()?))
}

/// Returns one number per channel; zeros if there is no bias.
fn bias(layers: &Layers, id: NodeId, channels: usize) -> Option<Vec<f32>> {
    if layers.node(id).input(2).is_none() {
        return Some(vec![0.0; channels]);
    }
    let tensor = layers.constant(id, 2)?;
    let values = tensor.slice::<f32>()?;
    match values.len() {
        1 => Some(vec![values[0]; channels]),
        n if n == channels && tensor.shape().last() == Some(&channels) => Some(values.to_vec()),
        _ => None,
    }
}
