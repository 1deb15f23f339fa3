//! Conversion of attributes of older operator sets to inputs, as in newer ones.

use super::layers::Layers;
use crate::graph::{Attribute, NodeId, Tensor};
use crate::note::Note;

/// Removes Dropout, which is only active in training and not supported by ESP-DL; esp-ppq keeps it in the graph.
pub fn dropout(layers: &mut Layers) {
    for id in layers.of_type(&["Dropout"]) {
        let (input, output) = (layers.node(id).input(0), layers.node(id).output(0));
        let (inputs, outputs) = (&layers.graph.inputs, &layers.graph.outputs);
        let whole = input.is_some_and(|i| inputs.contains(&i)) && output.is_some_and(|o| outputs.contains(&o));
        let mask = whole || layers.node(id).output(1).is_some_and(|mask| layers.is_read(mask));
        if let (Some(input), Some(output), false) = (input, output, mask) {
            layers.remove(id);
            layers.bypass(output, input);
        }
    }
}

/// Converts Slice before operator set 10.
pub fn slice(layers: &mut Layers) {
    for id in layers.of_type(&["Slice"]) {
        let node = layers.node(id);
        let (Some(starts), Some(ends)) = (node.attributes.ints("starts"), node.attributes.ints("ends")) else {
            continue;
        };
        let (starts, ends) = (starts.to_vec(), ends.to_vec());
        let axes = node.attributes.ints("axes").map_or_else(|| (0..starts.len() as i64).collect(), <[i64]>::to_vec);
        take(layers, id, &["starts", "ends", "axes"]);
        for values in [starts, ends, axes] {
            push(layers, id, Tensor::new(&[values.len()], values));
        }
    }
}

/// Converts Clip before operator set 11. A missing bound is 2^31, as in esp-ppq.
pub fn clip(layers: &mut Layers) {
    for id in layers.of_type(&["Clip"]) {
        let attributes = &layers.node(id).attributes;
        let (low, high) = (attributes.float("min"), attributes.float("max"));
        if low.is_none() && high.is_none() {
            continue;
        }
        take(layers, id, &["min", "max"]);
        let bounds = [("min", low.unwrap_or(-(2f32.powi(31)))), ("max", high.unwrap_or(2f32.powi(31)))];
        for (port, (name, bound)) in (1..).zip(bounds) {
            let name = format!("{}_{name}", layers.node(id).name);
            let value = layers.add_constant(&name, Tensor::scalar(bound));
            layers.set_input(id, port, Some(value));
        }
    }
}

/// Converts Pad before operator set 11. esp-ppq drops `mode` and `value` here; they are kept.
pub fn pad(layers: &mut Layers) {
    for id in layers.of_type(&["Pad"]) {
        let node = layers.node(id);
        let Some(pads) = node.attributes.ints("pads").map(<[i64]>::to_vec) else { continue };
        let value = node.attributes.float_or("value", 0.0);
        let mode = node.attributes.text("mode").unwrap_or("constant");
        if value != 0.0 || mode != "constant" {
            let text = format!("Pad keeps mode '{mode}' and value {value}, which esp-ppq drops");
            layers.note(Note::of_layer(&node.name, text));
        }
        take(layers, id, &["pads", "value"]);
        push(layers, id, Tensor::new(&[pads.len()], pads));
        if value != 0.0 {
            push(layers, id, Ok(Tensor::scalar(value)));
        }
    }
}

/// Converts Resize of operator set 10 and Upsample: they have no region of interest, and asymmetric coordinates, which
/// are an attribute in later operator sets.
pub fn resize(layers: &mut Layers) {
    for id in layers.of_type(&["Resize", "Upsample"]) {
        let node = layers.node(id);
        if node.op == "Resize" && node.inputs.len() != 2 {
            continue;
        }
        let given = node.attributes.floats("scales").map(<[f32]>::to_vec);
        if let Some(scales) = given {
            take(layers, id, &["scales"]);
            push(layers, id, Tensor::new(&[scales.len()], scales));
        }
        if layers.node(id).op == "Upsample" {
            let name = layers.node(id).name.clone();
            layers.note(Note::of_layer(name, "Upsample is replaced by Resize, which ESP-DL supports"));
        }
        let scales = layers.node(id).input(1);
        layers.set_input(id, 1, None);
        layers.set_input(id, 2, scales);
        let node = layers.node_mut(id);
        node.op = "Resize".to_owned();
        for (name, text) in [("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")] {
            if node.attributes.get(name).is_none() {
                node.attributes.set(name, Attribute::Text(text.to_owned()));
            }
        }
    }
}

fn take(layers: &mut Layers, id: NodeId, names: &[&str]) {
    names.iter().for_each(|name| _ = layers.node_mut(id).attributes.0.remove(*name));
}

/// Adds a constant as the last input, named as in esp-ppq.
fn push(layers: &mut Layers, id: NodeId, tensor: crate::Result<Tensor>) {
    // The list always fits its shape.
    let Ok(tensor) = tensor else { return };
    let port = layers.node(id).inputs.len();
    let name = format!("{}_{}", layers.node(id).name, port + 1);
    let value = layers.add_constant(&name, tensor);
    layers.set_input(id, port, Some(value));
}
