//! Conversion of x * Sigmoid(x) to Swish, named after the layer that makes x.

use super::layers::Layers;
use crate::graph::{Attributes, Node, NodeId};

pub fn fuse(layers: &mut Layers) {
    for id in layers.of_type(&["Sigmoid"]) {
        let sigmoid = layers.node(id);
        let (Some(x), Some(mul)) = (sigmoid.input(0), layers.after(id)) else { continue };
        if !is_product(layers, mul, id) {
            continue;
        }
        let source = layers.producer(x).map_or(&sigmoid.name, |producer| &layers.node(producer).name);
        let mut name = format!("{source}/Swish");
        if layers.has_name(&name) {
            name = layers.free_name(format!("{}/Swish", sigmoid.name));
        }
        let outputs = layers.node(mul).outputs.clone();
        layers.remove(id);
        layers.remove(mul);
        let (op, inputs) = ("Swish".to_owned(), vec![Some(x)]);
        layers.append(Node { name, op, domain: String::new(), attributes: Attributes::default(), inputs, outputs });
    }
}

/// Returns `true` if `mul` multiplies the input and the output of `sigmoid`.
fn is_product(layers: &Layers, mul: NodeId, sigmoid: NodeId) -> bool {
    let (node, sigmoid) = (layers.node(mul), layers.node(sigmoid));
    let factors = [sigmoid.input(0), sigmoid.output(0)];
    node.is("Mul") && node.inputs.len() == 2 && factors.iter().all(|factor| node.inputs.contains(factor))
}
