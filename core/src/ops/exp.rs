//! Exp: e^x. <https://onnx.ai/onnx/operators/onnx__Exp.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Buffer, Chip, Support, Table};

unary!(
    "Exp",
    Treatment::PLAIN,
    Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8AndInt16, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    (),
    |x| x.exp()
);
