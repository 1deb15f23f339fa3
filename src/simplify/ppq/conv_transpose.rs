//! Replacement of ConvTranspose by InsertZeros and Conv, which is how ESP-DL runs it.

use super::layers::Layers;
use crate::graph::{Attribute, Attributes, Node, NodeId, Tensor};
use crate::note::Note;
use crate::ops::conv_transpose::{AsConv, as_conv, turned};
use crate::ops::{self, Call};
use crate::simplify::scales;

/// Decomposes every ConvTranspose with constant weights. If its padding exceeds the filter, the input of the Conv is cut,
/// which esp-ppq writes as negative padding.
pub fn decompose(layers: &mut Layers) {
    let mut made = 0;
    for id in layers.of_type(&["ConvTranspose"]) {
        let Some((how, filter)) = plan(layers, id) else { continue };
        if how.strides.iter().any(|&stride| stride != 1) {
            insert_zeros(layers, id, &how, &mut made);
        }
        if how.begins.iter().chain(&how.ends).any(|&pad| pad < 0) {
            crop(layers, id, &how);
        }
        convolve(layers, id, &how, filter);
    }
}

/// A Slice of what the Conv would pad by less than nothing.
fn crop(layers: &mut Layers, id: NodeId, how: &AsConv) {
    let name = layers.free_name(format!("{}/Slice", layers.node(id).name));
    let (op, domain, attributes) = ("Slice".to_owned(), String::new(), Attributes::default());
    let node = Node { name: name.clone(), op, domain, attributes, inputs: Vec::new(), outputs: Vec::new() };
    let Some(slice) = layers.insert_before(id, node) else { return };
    let cut = |pad: i64| (-pad).max(0);
    let starts = how.begins.iter().map(|&pad| cut(pad)).collect();
    let ends = how.spread.iter().zip(&how.ends).map(|(&size, &pad)| size as i64 - cut(pad)).collect();
    let axes = (2..2 + how.begins.len() as i64).collect();
    let lists: [Vec<i64>; 3] = [starts, ends, axes];
    for (port, list) in (1..).zip(lists) {
        // A list is as long as its shape says.
        let Ok(tensor) = Tensor::new(&[list.len()], list) else { return };
        let value = layers.add_constant(&format!("{name}_{port}"), tensor);
        layers.set_input(slice, port, Some(value));
    }
    let text = "its input is cut by a Slice, since it pads away more than its filter reaches";
    layers.note(Note::of_layer(&layers.node(id).name, text));
}

fn plan(layers: &Layers, id: NodeId) -> Option<(AsConv, Tensor)> {
    let node = layers.node(id);
    let inputs = ops::input_facts(&layers.graph, node).ok()?;
    let call = Call::of(&layers.graph, node, &inputs);
    let how = as_conv(&call).ok()?;
    let filter = turned(layers.constant(id, 1)?, how.groups)?;
    Some((how, filter))
}

/// Inserts the node, named as in esp-ppq.
fn insert_zeros(layers: &mut Layers, id: NodeId, how: &AsConv, made: &mut usize) {
    let mut name = format!("PPQ_Operation_{made}");
    while layers.has_name(&name) {
        *made += 1;
        name = format!("PPQ_Operation_{made}");
    }
    let mut attributes = Attributes::default();
    attributes.set("stride", ints(&how.strides));
    attributes.set("output_padding", ints(&how.output_padding));
    let (op, domain) = ("InsertZeros".to_owned(), String::new());
    layers.insert_before(id, Node { name, op, domain, attributes, inputs: Vec::new(), outputs: Vec::new() });
}

fn convolve(layers: &mut Layers, id: NodeId, how: &AsConv, filter: Tensor) {
    let mut attributes = Attributes::default();
    attributes.set("kernel_shape", ints(&filter.shape()[2..]));
    attributes.set("strides", Attribute::Ints(vec![1; how.begins.len()]));
    attributes.set("pads", Attribute::Ints(how.begins.iter().chain(&how.ends).map(|&pad| pad.max(0)).collect()));
    attributes.set("dilations", ints(&how.dilations));
    attributes.set("group", Attribute::Int(how.groups as i64));
    let Some(old) = layers.node(id).input(1) else { return };
    // Output channels are the first axis now. A grouped filter shares its scales between the groups.
    let scales = layers.graph.value(old).scales.iter().map(|scale| scales::repeated(&scale.on_axis(0), how.groups));
    let scales = scales.collect();
    match layers.only_reader(old) {
        Some(_) => {
            let value = &mut layers.graph.values[old.0];
            value.shape = Some(filter.shape().to_vec());
            value.constant = Some(filter);
            value.scales = scales;
        }
        // Other readers need the original filter.
        None => {
            let name = layers.graph.value(old).name.clone();
            let filter = layers.add_constant(&name, filter);
            layers.graph.values[filter.0].scales = scales;
            layers.set_input(id, 1, Some(filter));
        }
    }
    let node = layers.node_mut(id);
    node.op = "Conv".to_owned();
    node.attributes = attributes;
}

fn ints(values: &[usize]) -> Attribute {
    Attribute::Ints(values.iter().map(|&v| v as i64).collect())
}
