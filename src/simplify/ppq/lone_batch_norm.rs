//! Replacement of a BatchNormalization that cannot be folded by a depthwise 1x1 Conv.
//!
//! esp-ppq always writes a 2-D Conv, which fails after Conv1d and Linear. Here the Conv has the input's axes, and a
//! matrix gets Mul and Add.

use super::batch_norm::Norm;
use super::layers::Layers;
use crate::graph::{Attribute, Attributes, Node, NodeId, Tensor};
use crate::note::Note;
use crate::{Error, Result};

pub fn replace(layers: &mut Layers) -> Result<()> {
    for id in layers.of_type(&["BatchNormalization"]) {
        let title = layers.node(id).name.clone();
        let Some(norm) = Norm::of(layers, id) else {
            return Err(Error::new("the scale, bias, mean and variance of BatchNormalization are not constants")
                .in_layer(title)
                .with_help("export the model in evaluation mode (model.eval())"));
        };
        let channels = norm.gamma.len();
        let scale: Vec<f32> = (0..channels).map(|c| norm.scale(c)).collect();
        let shift: Vec<f32> = (0..channels).map(|c| norm.shift(c, 0.0)).collect();
        let rank = layers.node(id).input(0).and_then(|x| layers.graph.shape(x)).map_or(4, <[usize]>::len);
        if rank < 3 {
            multiply_and_add(layers, id, channels, scale, shift)?;
        } else {
            convolve(layers, id, rank - 2, scale, shift)?;
        }
    }
    Ok(())
}

fn convolve(layers: &mut Layers, id: NodeId, axes: usize, scale: Vec<f32>, shift: Vec<f32>) -> Result<()> {
    let channels = scale.len();
    let mut shape = vec![channels];
    shape.resize(axes + 2, 1);
    let (scale, shift) = (Tensor::new(&shape, scale)?, Tensor::new(&[channels], shift)?);
    let name = layers.node(id).name.clone();
    let values =
        [layers.add_constant(&format!("{name}_weight"), scale), layers.add_constant(&format!("{name}_bias"), shift)];
    for (port, value) in [(1, Some(values[0])), (2, Some(values[1])), (3, None), (4, None)] {
        layers.set_input(id, port, value);
    }
    let mut attributes = Attributes::default();
    for attribute in ["kernel_shape", "strides", "dilations"] {
        attributes.set(attribute, Attribute::Ints(vec![1; axes]));
    }
    attributes.set("pads", Attribute::Ints(vec![0; 2 * axes]));
    attributes.set("group", Attribute::Int(channels as i64));
    let node = layers.node_mut(id);
    node.inputs.truncate(3);
    node.outputs.truncate(1);
    node.op = "Conv".to_owned();
    node.attributes = attributes;
    let text = format!(
        "this BatchNormalization follows no Conv or Gemm and became a depthwise 1x1 Conv, as in esp-ppq; \
         if its error is large, kl clips its rare large outputs: set [calibration.methods] \
         \"{name}\" = \"minmax\""
    );
    layers.note(Note::of_layer(&name, text));
    if axes != 2 {
        let text = format!("this Conv is {axes}-D like its input; esp-ppq writes a 2-D one and then fails");
        layers.note(Note::of_layer(&name, text));
    }
    Ok(())
}

fn multiply_and_add(layers: &mut Layers, id: NodeId, channels: usize, scale: Vec<f32>, shift: Vec<f32>) -> Result<()> {
    let name = layers.node(id).name.clone();
    let scale = layers.add_constant(&format!("{name}_scale"), Tensor::new(&[channels], scale)?);
    let shift = layers.add_constant(&format!("{name}_shift"), Tensor::new(&[channels], shift)?);
    let (input, outputs) = (layers.node(id).input(0), layers.node(id).outputs[..1].to_vec());
    let scaled = layers.graph.fresh(&format!("{name}_scaled"));
    let known = input.map(|x| layers.graph.value(x).clone());
    layers.graph.values[scaled.0].shape = known.as_ref().and_then(|x| x.shape.clone());
    layers.graph.values[scaled.0].data_type = known.and_then(|x| x.data_type);
    layers.remove(id);
    let sum = layers.free_name(format!("{name}_add"));
    let node = |name: String, op: &str, inputs, outputs| Node {
        name,
        op: op.to_owned(),
        domain: String::new(),
        attributes: Attributes::default(),
        inputs,
        outputs,
    };
    layers.append(node(name.clone(), "Mul", vec![input, Some(scale)], vec![Some(scaled)]));
    layers.append(node(sum, "Add", vec![Some(scaled), Some(shift)], outputs));
    let text =
        "this BatchNormalization of a matrix is replaced by Mul and Add; esp-ppq writes a 2-D Conv and then fails";
    layers.note(Note::of_layer(name, text));
    Ok(())
}
