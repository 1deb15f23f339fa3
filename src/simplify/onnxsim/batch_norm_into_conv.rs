//! Folding of BatchNormalization after Conv or ConvTranspose into its weights.
//!
//! In float32 and in onnxsim's order of operations, so that the weights are bit-identical: s = gamma / sqrt(var + eps),
//! W' = W * s, b' = (b - mean) * s + beta.

use crate::graph::edit::Links;
use crate::graph::{Graph, Node, NodeId, Tensor};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let norm = graph.node(id);
    let Some(before) = links.before(norm, 0).filter(|_| norm.is("BatchNormalization")) else { return false };
    let conv = graph.node(before);
    let (Some(result), Some(made), Some(weight)) = (norm.output(0), conv.output(0), conv.input(1)) else {
        return false;
    };
    let training = norm.attributes.int_or("training_mode", 0) != 0;
    if !(conv.is("Conv") || conv.is("ConvTranspose")) || training || norm.outputs.len() != 1 {
        return false;
    }
    if graph.uses(links, made) != 1 {
        return false;
    }
    let Some((weights, bias)) = folded(graph, conv, norm) else { return false };
    let name = graph.value(weight).name.clone();
    let bias_name = conv.input(2).map_or_else(|| format!("{name}_bias"), |b| graph.value(b).name.clone());
    let weights = graph.fresh_constant(&name, weights);
    let bias = graph.fresh_constant(&bias_name, bias);
    // Names of the nodes and constants that onnxsim creates for this, and then folds.
    graph.numbered += 26;
    let conv = &mut graph.nodes[before.0];
    conv.inputs.resize(3, None);
    conv.inputs[1] = Some(weights);
    conv.inputs[2] = Some(bias);
    // Its scales were those before the normalization.
    graph.values[made.0].scales.clear();
    graph.replace_uses(result, made)
}

fn folded(graph: &Graph, conv: &Node, norm: &Node) -> Option<(Tensor, Tensor)> {
    let parameter = |port| graph.constant(norm, port)?.slice::<f32>();
    let (gamma, beta, mean, variance) = (parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?);
    let weights = graph.constant(conv, 1)?;
    // Axis of output channels; a grouped ConvTranspose has only part of them on it.
    let axis = usize::from(conv.op == "ConvTranspose");
    let channels = *weights.shape().get(axis)?;
    let given = match conv.input(2) {
        None => vec![0.0; channels],
        Some(_) => graph.constant(conv, 2)?.slice::<f32>()?.to_vec(),
    };
    if [gamma.len(), beta.len(), mean.len(), variance.len(), given.len()] != [channels; 5] {
        return None;
    }
    let epsilon = norm.attributes.float_or("epsilon", 1e-5);
    let scale: Vec<f32> = gamma.iter().zip(variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
    let bias = (0..channels).map(|c| (given[c] - mean[c]) * scale[c] + beta[c]).collect();
    let inner: usize = weights.shape()[axis + 1..].iter().product();
    let scaled = weights.slice::<f32>()?.iter().enumerate().map(|(i, w)| w * scale[i / inner % channels]).collect();
    Some((Tensor::new(weights.shape(), scaled).ok()?, Tensor::new(&[channels], bias).ok()?))
}
