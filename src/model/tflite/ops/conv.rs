//! CONV_2D and DEPTHWISE_CONV_2D: Conv, with zeros and blocks around them taken over.

use super::dilated;
use super::window::{Window, ints};
use crate::graph::{Attribute, Tensor};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Padding, Placed};
use crate::{Result, bail};

pub fn conv(l: &mut Lowering, op: &Operator) -> Result<()> {
    let weights = l.weights(op.input(1)?, "weights")?;
    let &[outputs, height, width, per_group] = weights.shape() else { bail!("weights of shape {:?}", weights.shape()) };
    let channels = channels(l, op)?;
    if per_group == 0 || !channels.is_multiple_of(per_group) {
        bail!("weights for {per_group} channels, and the input has {channels}")
    }
    let group = channels / per_group;
    if group == 0 || !outputs.is_multiple_of(group) {
        bail!("{outputs} filters in {group} groups")
    }
    let options = Options { kernel: [height, width], group, outputs, dilation: [5, 4], activation: 3 };
    lower(l, op, weights, &[0, 3, 1, 2], &options)
}

pub fn depthwise(l: &mut Lowering, op: &Operator) -> Result<()> {
    let weights = l.weights(op.input(1)?, "weights")?;
    let &[1, height, width, outputs] = weights.shape() else { bail!("weights of shape {:?}", weights.shape()) };
    let channels = channels(l, op)?;
    if channels == 0 || !outputs.is_multiple_of(channels) {
        bail!("{outputs} filters for {channels} channels")
    }
    let options = Options { kernel: [height, width], group: channels, outputs, dilation: [6, 5], activation: 4 };
    lower(l, op, weights, &[3, 0, 1, 2], &options)
}

fn channels(l: &Lowering, op: &Operator) -> Result<usize> {
    let shape = l.shape(source(l, op)?.tensor)?;
    match *shape {
        [_, _, _, channels] => Ok(channels),
        _ => bail!("an input of shape {shape:?}"),
    }
}

struct Options {
    kernel: [usize; 2],
    group: usize,
    outputs: usize,
    /// Fields of the dilation by height and width.
    dilation: [usize; 2],
    activation: usize,
}

/// Returns the input, with the padding around it.
fn source(l: &Lowering, op: &Operator) -> Result<Padding> {
    let tensor = op.input(0)?;
    let plain = Padding { tensor, pads: [[0; 2]; 2], dilation: [1; 2] };
    Ok(l.paddings.get(&tensor).copied().unwrap_or(plain))
}

fn lower(l: &mut Lowering, op: &Operator, weights: Tensor, order: &[usize; 4], options: &Options) -> Result<()> {
    let source = source(l, op)?;
    let &[batch, height, width, _] = l.shape(source.tensor)?.as_slice() else {
        bail!("the input has not 4 dimensions")
    };
    let [of_height, of_width] = options.dilation;
    let own = [op.length(of_height, 1, "the dilation")?, op.length(of_width, 1, "the dilation")?];
    let dilations = [own[0] * source.dilation[0], own[1] * source.dilation[1]];
    let sides = [height, width];
    let mut window = Window::of(op, sides, options.kernel, dilations)?;
    for (pads, around) in window.pads.iter_mut().zip(source.pads) {
        *pads = [pads[0] + around[0], pads[1] + around[1]];
    }
    let target = dilated::target(l, op, &source, &mut window)?;
    let [rows, columns] = window.places(sides)?;
    let x = l.first(source.tensor)?;
    let w = l.reordered(op.input(1)?, "/oihw", weights, order)?;
    let (mut bias, mut target, mut base) = (op.optional(2), target, l.base(op));
    let mut activation = Activation::fused(op, options.activation)?;
    if source.dilation != [1; 2]
        && is_zero(l, bias)?
        && activation == Activation::None
        && let Some((add, biases)) = dilated::bias(l, target, options.outputs)?
    {
        l.join([add.index]);
        (bias, target, base) = (Some(biases), add.output()?, l.base(add));
        activation = Activation::fused(add, 0)?;
    }
    let bias = bias.map(|bias| l.plain(bias)).transpose()?;
    let attributes = [
        ("kernel_shape", Attribute::Ints(ints(&window.kernel))),
        ("strides", Attribute::Ints(ints(&window.strides))),
        ("dilations", Attribute::Ints(ints(&window.dilations))),
        ("pads", Attribute::Ints(window.onnx_pads())),
        ("group", Attribute::Int(options.group as i64)),
    ];
    let mut inputs = vec![Some(x), Some(w)];
    inputs.extend(bias.map(Some));
    let shape = vec![batch, rows, columns, options.outputs];
    let placed = Placed::new(Layout::First, shape).with(activation);
    l.emit_as(target, &base, "Conv", &inputs, attributes, placed)
}

/// Returns `true` if there are no biases, or all are 0.
fn is_zero(l: &mut Lowering, bias: Option<usize>) -> Result<bool> {
    let Some(bias) = bias else { return Ok(true) };
    let biases = l.constant(bias)?;
    Ok(biases.is_some_and(|biases| biases.slice::<f32>().is_some_and(|all| all.iter().all(|&bias| bias == 0.0))))
}
