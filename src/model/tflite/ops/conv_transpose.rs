//! TRANSPOSE_CONV: ConvTranspose.

use super::window::ints;
use crate::graph::Attribute;
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Placed};
use crate::{Result, bail};

pub fn transpose_conv(l: &mut Lowering, op: &Operator) -> Result<()> {
    let weights = l.weights(op.input(1)?, "weights")?;
    let &[outputs, height, width, channels] = weights.shape() else { bail!("weights of shape {:?}", weights.shape()) };
    let input = op.input(2)?;
    let shape = l.shape(input)?;
    let &[batch, rows, columns, of_input] = shape.as_slice() else { bail!("an input of shape {shape:?}") };
    if channels != of_input {
        bail!("weights for {channels} channels, and the input has {of_input}")
    }
    let kernel = [height, width];
    let strides = [op.length(2, 0, "the stride")?, op.length(1, 0, "the stride")?];
    let wanted = wanted(l, op)?;
    // What ONNX's operator makes more than is wanted is padding, what it makes less is output_padding.
    let (mut before, mut behind, mut more) = ([0; 2], [0; 2], [0; 2]);
    for side in 0..2 {
        let Some(rows) = [rows, columns][side].checked_sub(1) else { bail!("an input of shape {shape:?}") };
        if !(1..=1 << 20).contains(&kernel[side]) {
            bail!("a filter of {height}x{width}")
        }
        let made = rows * strides[side] + kernel[side];
        let total = made.saturating_sub(wanted[side]);
        (before[side], behind[side]) = (total / 2, total - total / 2);
        more[side] = wanted[side].saturating_sub(made);
        if more[side] >= strides[side] || total >= made {
            bail!("{made} rows or columns cannot become {}", wanted[side])
        }
    }
    let x = l.first(input)?;
    let w = l.reordered(op.input(1)?, "/iohw", weights, &[3, 0, 1, 2])?;
    let bias = op.optional(3).map(|bias| l.plain(bias)).transpose()?;
    let mut inputs = vec![Some(x), Some(w)];
    inputs.extend(bias.map(Some));
    let mut attributes = vec![
        ("kernel_shape", Attribute::Ints(ints(&kernel))),
        ("strides", Attribute::Ints(ints(&strides))),
        ("pads", Attribute::Ints(ints(&[before[0], before[1], behind[0], behind[1]]))),
    ];
    if more != [0; 2] {
        attributes.push(("output_padding", Attribute::Ints(ints(&more))));
    }
    let shape = vec![batch, wanted[0], wanted[1], outputs];
    let placed = Placed::new(Layout::First, shape).with(Activation::fused(op, 3)?);
    l.emit(op, "ConvTranspose", &inputs, attributes, placed)
}

/// Returns the wanted height and width: a constant, or computed from a free batch and recorded.
fn wanted(l: &mut Lowering, op: &Operator) -> Result<[usize; 2]> {
    let given = match l.constant(op.input(0)?)?.and_then(|sizes| sizes.to_i64s()) {
        Some(sizes) => sizes,
        None => ints(&l.file.tensors[op.output()?].shape),
    };
    match given.as_slice() {
        &[_, height, width, _] if (1..=1 << 20).contains(&height) && (1..=1 << 20).contains(&width) => {
            Ok([height as usize, width as usize])
        }
        _ => bail!("an output of shape {given:?}"),
    }
}
