//! Folding of a multiplication by a constant into the Conv before or after it, or into another one.

use crate::graph::edit::Links;
use crate::graph::{Graph, Node, NodeId, Tensor};

/// Folds Mul(Conv(x), c): weights and bias are multiplied.
pub fn into_conv_before(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let mul = graph.node(id);
    if !mul.is("Mul") || mul.inputs.len() != 2 {
        return false;
    }
    let convolved = |port: &usize| {
        let conv = links
            .before(mul, *port)
            .is_some_and(|b| graph.node(b).is("Conv") && graph.constant(graph.node(b), 1).is_some());
        conv && mul.input(*port).is_some_and(|v| graph.uses(links, v) == 1)
    };
    let Some(port) = [0, 1].into_iter().find(convolved) else { return false };
    let Some(before) = links.before(mul, port) else { return false };
    let (Some(scale), Some(product), Some(made)) = (graph.constant(mul, 1 - port), mul.output(0), mul.input(port))
    else {
        return false;
    };
    let conv = graph.node(before);
    let Some((weights, bias)) = scaled_outputs(graph, conv, scale) else { return false };
    replace(graph, before, 1, weights);
    if let Some(bias) = bias {
        replace(graph, before, 2, bias);
    }
    // Its scales were those before the product.
    graph.values[made.0].scales.clear();
    graph.replace_uses(product, made)
}

fn scaled_outputs(graph: &Graph, conv: &Node, scale: &Tensor) -> Option<(Tensor, Option<Tensor>)> {
    let weights = graph.constant(conv, 1)?;
    let channels = *weights.shape().first()?;
    let factor = per_channel(scale, channels, weights.rank())?;
    let inner = weights.len().checked_div(channels)?;
    let scaled = weights.slice::<f32>()?.iter().enumerate().map(|(i, w)| w * factor(i / inner)).collect();
    let weights = Tensor::new(weights.shape(), scaled).ok()?;
    if conv.input(2).is_none() {
        return Some((weights, None));
    }
    let bias = graph.constant(conv, 2).filter(|bias| bias.shape() == [channels])?;
    let scaled = bias.slice::<f32>()?.iter().enumerate().map(|(c, b)| b * factor(c)).collect();
    Some((weights, Some(Tensor::new(bias.shape(), scaled).ok()?)))
}

/// Folds Conv(Mul(x, c)): weights are multiplied along the input channels.
pub fn into_conv_after(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let mul = graph.node(id);
    let Some(product) = mul.output(0).filter(|_| mul.is("Mul") && mul.inputs.len() == 2) else { return false };
    let Some(port) = (0..2).find(|&port| graph.constant(mul, port).is_some()) else { return false };
    let (Some(scale), Some(x), [(after, 0)]) =
        (graph.constant(mul, port), mul.input(1 - port), &links.consumers[product.0][..])
    else {
        return false;
    };
    let (after, conv) = (*after, graph.node(*after));
    if !conv.is("Conv") || graph.uses(links, product) != 1 || graph.shape(x) != graph.shape(product) {
        return false;
    }
    let Some(weights) = scaled_inputs(graph, conv, scale) else { return false };
    replace(graph, after, 1, weights);
    graph.nodes[after.0].inputs[0] = Some(x);
    true
}

fn scaled_inputs(graph: &Graph, conv: &Node, scale: &Tensor) -> Option<Tensor> {
    let weights = graph.constant(conv, 1)?;
    let channels = *weights.shape().get(1)?;
    if scale.len() != 1 && conv.attributes.int_or("group", 1) != 1 {
        return None;
    }
    let factor = per_channel(scale, channels, weights.rank())?;
    let inner: usize = weights.shape()[2..].iter().product();
    let scaled = weights.slice::<f32>()?.iter().enumerate().map(|(i, w)| w * factor(i / inner % channels)).collect();
    Tensor::new(weights.shape(), scaled).ok()
}

/// Returns the factor of each channel, if a tensor of `rank` axes is multiplied along its axis 1 only.
fn per_channel<'a>(scale: &'a Tensor, channels: usize, rank: usize) -> Option<impl Fn(usize) -> f32 + use<'a>> {
    let values = scale.slice::<f32>()?;
    let shape = scale.shape();
    let along = shape.len() <= rank && (rank - shape.len()..rank).zip(shape).all(|(axis, &d)| d == 1 || axis == 1);
    let fits = values.len() == 1 && shape.len() <= rank || values.len() == channels && along;
    fits.then_some(move |channel: usize| if values.len() == 1 { values[0] } else { values[channel] })
}

fn replace(graph: &mut Graph, id: NodeId, port: usize, tensor: Tensor) {
    let name = graph.node(id).input(port).map_or_else(String::new, |v| graph.value(v).name.clone());
    let constant = graph.fresh_constant(&name, tensor);
    graph.nodes[id.0].inputs[port] = Some(constant);
}

/// Merges Mul(Mul(x, a), b) to Mul(x, a * b).
pub fn merge(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let outer = graph.node(id);
    let Some(port) = sole_constant(graph, outer) else { return false };
    let Some(before) = links.before(outer, 1 - port) else { return false };
    let inner = graph.node(before);
    let Some(inner_port) = sole_constant(graph, inner) else { return false };
    if inner.output(0).is_none_or(|product| graph.uses(links, product) != 1) {
        return false;
    }
    let (Some(a), Some(b)) = (graph.constant(inner, inner_port), graph.constant(outer, port)) else { return false };
    let Some(product) = multiply(a, b) else { return false };
    let x = inner.input(1 - inner_port);
    let name = outer.input(port).map_or_else(String::new, |v| graph.value(v).name.clone());
    let constant = graph.fresh_constant(&name, product);
    graph.numbered += 3;
    let node = &mut graph.nodes[id.0];
    node.name.clear();
    node.inputs = vec![x, Some(constant)];
    // The inner Mul still reads x here, so that onnxsim folds the product into the Conv after it.
    into_conv_after(graph, id, &Links::of(graph));
    true
}

/// Returns the port of the only constant of a Mul.
fn sole_constant(graph: &Graph, node: &Node) -> Option<usize> {
    if !node.is("Mul") || node.inputs.len() != 2 {
        return None;
    }
    match (graph.constant(node, 0).is_some(), graph.constant(node, 1).is_some()) {
        (true, false) => Some(0),
        (false, true) => Some(1),
        _ => None,
    }
}

fn multiply(a: &Tensor, b: &Tensor) -> Option<Tensor> {
    let (Tensor::F32(a), Tensor::F32(b)) = (a, b) else { return None };
    let rank = a.ndim().max(b.ndim());
    let dim = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    let shape: Vec<usize> = (0..rank)
        .map(|axis| match (dim(a.shape(), axis), dim(b.shape(), axis)) {
            (1, d) | (d, 1) => Some(d),
            (d, e) if d == e => Some(d),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (a, b) = (a.broadcast(&shape[..])?, b.broadcast(&shape[..])?);
    Some(Tensor::from_array(&a * &b))
}
