//! Conversion of x / Expand(Clip(ReduceL2(x))) to LpNormalization.

use super::layers::Layers;
use crate::graph::{Attribute, Attributes, Node, NodeId};

pub fn fuse(layers: &mut Layers) {
    for id in layers.of_type(&["ReduceL2"]) {
        if let Some(nodes) = find(layers, id) {
            apply(layers, nodes);
        }
    }
}

fn find(layers: &Layers, norm: NodeId) -> Option<[NodeId; 4]> {
    let next = |from, op| layers.after(from).filter(|next| layers.node(*next).is(op));
    let clip = next(norm, "Clip")?;
    let expand = next(clip, "Expand")?;
    let div = next(expand, "Div")?;
    let x = layers.node(norm).input(0).filter(|x| !layers.is_constant(*x));
    let divides = layers.node(div).inputs == [x, layers.node(expand).output(0)];
    let keeps = layers.node(norm).attributes.int_or("keepdims", 1) == 1;
    let one_axis = layers.graph.ints(layers.node(norm), "axes", 1)?.len() == 1;
    (divides && keeps && one_axis).then_some([norm, clip, expand, div])
}

fn apply(layers: &mut Layers, nodes: [NodeId; 4]) {
    let [norm, _, _, div] = nodes;
    let Some(axis) = layers.graph.ints(layers.node(norm), "axes", 1).and_then(|axes| axes.first().copied()) else {
        return;
    };
    let name = layers.free_name(format!("{}_lpnorm", layers.node(div).name));
    let (inputs, outputs) = (vec![layers.node(norm).input(0)], layers.node(div).outputs.clone());
    nodes.iter().for_each(|id| layers.remove(*id));
    let mut attributes = Attributes::default();
    attributes.set("axis", Attribute::Int(axis));
    attributes.set("p", Attribute::Int(2));
    layers.append(Node { name, op: "LpNormalization".to_owned(), domain: String::new(), attributes, inputs, outputs });
}
