//! Folding of a constant added to a Conv, ConvTranspose or Gemm without bias into its bias, as far as onnxsim has left
//! such constants, mainly at Gemm.

use super::layers::Layers;
use crate::graph::Tensor;
use crate::graph::{Attribute, NodeId};

pub fn fuse(layers: &mut Layers) {
    for id in layers.of_type(&["Conv", "ConvTranspose", "Gemm"]) {
        let Some(add) = layers.after(id).filter(|add| layers.node(*add).is("Add")) else { continue };
        let bias_less = layers.node(id).inputs.iter().flatten().count() == 2;
        let Some(bias) = bias(layers, id, add).filter(|_| bias_less) else { continue };
        let name = format!("{}_bias", layers.node(id).name);
        let value = layers.add_constant(&name, bias);
        let (made, sum) = (layers.node(id).output(0), layers.node(add).output(0));
        layers.set_input(id, 2, Some(value));
        layers.remove(add);
        // Without C, beta had no effect.
        if layers.node(id).attributes.float_or("beta", 1.0) != 1.0 {
            layers.node_mut(id).attributes.set("beta", Attribute::Float(1.0));
        }
        if let (Some(made), Some(sum)) = (made, sum) {
            // Its scales were those before the bias.
            layers.graph.values[made.0].scales.clear();
            layers.replace_uses(sum, made);
        }
    }
}

fn bias(layers: &Layers, id: NodeId, add: NodeId) -> Option<Tensor> {
    let node = layers.node(id);
    let mut constants = (0..2).filter_map(|port| layers.constant(add, port));
    let (Some(addend), None) = (constants.next(), constants.next()) else { return None };
    let made = layers.graph.shape(node.output(0)?)?;
    let shape = addend.shape();
    if node.op == "Gemm" {
        // The constant must broadcast to the product; a larger one enlarges the sum and remains an Add.
        let fits =
            shape.len() <= made.len() && shape.iter().rev().zip(made.iter().rev()).all(|(&s, &m)| s == 1 || s == m);
        return fits.then(|| addend.clone());
    }
    let channels = *made.get(1)?;
    let per_channel = shape.len() == made.len() && shape[1] == channels && addend.len() == channels && channels > 1;
    if per_channel { addend.clone().reshape(&[channels]).ok() } else { None }
}
