//! SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION: over the last axis.

use super::unary::number;
use crate::Result;
use crate::graph::Attribute;
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Placed};

pub fn softmax(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let mut x = l.plain(input)?;
    let beta = op.float(0, 0.0)?;
    if beta != 1.0 {
        let name = format!("{}/Mul", l.base(op));
        let beta = number(l, &format!("{name}/beta"), beta);
        x = l.node(&name, "Mul", &[Some(x), Some(beta)], []);
    }
    l.emit(op, "Softmax", &[Some(x)], [("axis", Attribute::Int(-1))], Placed::new(Layout::Plain, shape))
}

pub fn log_softmax(l: &mut Lowering, op: &Operator) -> Result<()> {
    last_axis(l, op, "LogSoftmax", Activation::None)
}

/// ONNX's operator has p = 2 by default.
pub fn l2(l: &mut Lowering, op: &Operator) -> Result<()> {
    let activation = Activation::fused(op, 0)?;
    last_axis(l, op, "LpNormalization", activation)
}

fn last_axis(l: &mut Lowering, op: &Operator, onnx: &str, activation: Activation) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let x = l.plain(input)?;
    let placed = Placed::new(Layout::Plain, shape).with(activation);
    l.emit(op, onnx, &[Some(x)], [("axis", Attribute::Int(-1))], placed)
}
