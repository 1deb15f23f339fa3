//! LeakyRelu: x, or alpha x where negative. <https://onnx.ai/onnx/operators/onnx__LeakyRelu.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Buffer, Chip, Support, Table};

unary!(
    "LeakyRelu",
    Treatment::PLAIN,
    Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8AndInt16, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    (alpha = 0.01),
    |x| if x < 0.0 { x * alpha } else { x }
);
