//! Log: the natural logarithm. <https://onnx.ai/onnx/operators/onnx__Log.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Buffer, Chip, Support, Table};

unary!(
    "Log",
    Treatment::FLOAT,
    Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8AndInt16, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    (),
    |x| x.ln()
);
