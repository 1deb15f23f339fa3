//! MAX_POOL_2D and AVERAGE_POOL_2D.

use super::window::{Window, ints};
use crate::graph::Attribute;
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Placed};
use crate::{Result, bail};

pub fn max(l: &mut Lowering, op: &Operator) -> Result<()> {
    pool(l, op, "MaxPool")
}

/// Padding is not counted, which is ONNX's default.
pub fn average(l: &mut Lowering, op: &Operator) -> Result<()> {
    pool(l, op, "AveragePool")
}

fn pool(l: &mut Lowering, op: &Operator, onnx: &str) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let &[batch, height, width, channels] = shape.as_slice() else { bail!("an input of shape {shape:?}") };
    let kernel = [op.length(4, 0, "the filter")?, op.length(3, 0, "the filter")?];
    let window = Window::of(op, [height, width], kernel, [1; 2])?;
    let [rows, columns] = window.places([height, width])?;
    let x = l.first(input)?;
    let attributes = [
        ("kernel_shape", Attribute::Ints(ints(&window.kernel))),
        ("strides", Attribute::Ints(ints(&window.strides))),
        ("pads", Attribute::Ints(window.onnx_pads())),
    ];
    let placed = Placed::new(Layout::First, vec![batch, rows, columns, channels]);
    l.emit(op, onnx, &[Some(x)], attributes, placed.with(Activation::fused(op, 5)?))
}
