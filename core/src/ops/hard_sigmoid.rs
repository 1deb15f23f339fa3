//! HardSigmoid: max(0, min(1, alpha x + beta)). <https://onnx.ai/onnx/operators/onnx__HardSigmoid.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Buffer, Chip, Support, Table};

unary!(
    "HardSigmoid",
    Treatment::PLAIN,
    Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8AndInt16, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    (alpha = 0.2, beta = 0.5),
    |x| (alpha * x + beta).clamp(0.0, 1.0)
);
