//! Tanh: the hyperbolic tangent. <https://onnx.ai/onnx/operators/onnx__Tanh.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Buffer, Chip, Support, Table};
use crate::kernels::activation::tanh;

unary!(
    "Tanh",
    Treatment::PLAIN,
    Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8AndInt16, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    (),
    |x| tanh(x)
);
