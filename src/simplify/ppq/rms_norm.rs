//! Conversion of Pow(x, 2), ReduceMean, Add(eps), Sqrt, Reciprocal, Mul(x), Mul(scale) to RMSNormalization.

use super::layers::Layers;
use crate::graph::{Attribute, Attributes, Node, NodeId, Tensor, ValueId};

pub fn fuse(layers: &mut Layers) {
    for id in layers.of_type(&["Pow"]) {
        if let Some(found) = find(layers, id) {
            apply(layers, found);
        }
    }
}

struct Found {
    x: ValueId,
    scale: ValueId,
    axis: i64,
    epsilon: f32,
    nodes: Vec<NodeId>,
    last: NodeId,
}

fn find(layers: &Layers, pow: NodeId) -> Option<Found> {
    let x = layers.node(pow).input(0).filter(|x| !layers.is_constant(*x))?;
    if single(layers.constant(pow, 1)?)? != 2.0 {
        return None;
    }
    let mut nodes = vec![pow];
    let mean = step(layers, &mut nodes, pow, &["ReduceMean"])?;
    let axis = axis(layers, mean)?;
    let mut at = step(layers, &mut nodes, mean, &["Add", "Sqrt"])?;
    let mut epsilon = 1e-5;
    if layers.node(at).is("Add") {
        epsilon = (0..2).find_map(|port| single(layers.constant(at, port)?))?;
        at = step(layers, &mut nodes, at, &["Sqrt"])?;
    }
    let root = layers.node(at).output(0)?;
    at = step(layers, &mut nodes, at, &["Reciprocal", "Div"])?;
    let divides_x = layers.node(at).is("Div") && layers.node(at).inputs == [Some(x), Some(root)];
    if !divides_x {
        // 1 / root, times x.
        let one = layers.node(at).is("Reciprocal") || layers.constant(at, 0).and_then(single) == Some(1.0);
        at = step(layers, &mut nodes, at, &["Mul"]).filter(|_| one)?;
        layers.node(at).inputs.contains(&Some(x)).then_some(())?;
    }
    let normal = layers.node(at).output(0)?;
    let last = step(layers, &mut nodes, at, &["Mul"])?;
    let scale = layers.node(last).inputs.iter().flatten().copied().find(|input| *input != normal)?;
    Some(Found { x, scale, axis, epsilon, nodes, last })
}

/// Returns the only reader of a node, if it has one of the types.
fn step(layers: &Layers, nodes: &mut Vec<NodeId>, from: NodeId, ops: &[&str]) -> Option<NodeId> {
    let next = layers.after(from)?;
    nodes.push(next);
    ops.iter().any(|op| layers.node(next).is(op)).then_some(next)
}

/// Returns the first of the last axes, if the mean is over all of them. esp-ppq does not know the rank here, so it only
/// accepts negative axes.
fn axis(layers: &Layers, mean: NodeId) -> Option<i64> {
    let node = layers.node(mean);
    let mut axes = layers.graph.ints(node, "axes", 1)?;
    axes.sort_unstable();
    let keeps = node.attributes.int_or("keepdims", 1) == 1;
    let last = axes.iter().copied().eq(-(axes.len() as i64)..0);
    if keeps && last { axes.first().copied() } else { None }
}

fn single(tensor: &Tensor) -> Option<f32> {
    match tensor {
        Tensor::F32(a) if a.len() == 1 => a.first().copied(),
        _ => None,
    }
}

fn apply(layers: &mut Layers, found: Found) {
    let name = layers.free_name(format!("{}_rmsnorm", layers.node(found.last).name));
    let outputs = layers.node(found.last).outputs.clone();
    found.nodes.iter().for_each(|id| layers.remove(*id));
    let mut attributes = Attributes::default();
    attributes.set("axis", Attribute::Int(found.axis));
    attributes.set("epsilon", Attribute::Float(found.epsilon));
    attributes.set("stash_type", Attribute::Int(1));
    let inputs = vec![Some(found.x), Some(found.scale)];
    layers.append(Node { name, op: "RMSNormalization".to_owned(), domain: String::new(), attributes, inputs, outputs });
}
