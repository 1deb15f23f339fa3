//! HardSwish: x max(0, min(1, x / 6 + 1 / 2)). <https://onnx.ai/onnx/operators/onnx__HardSwish.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Buffer, Chip, Support, Table};

unary!(
    "HardSwish",
    Treatment::PLAIN,
    Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8AndInt16, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    (),
    |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0
);
