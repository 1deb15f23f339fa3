//! Elu: x, or alpha (e^x - 1) where negative. <https://onnx.ai/onnx/operators/onnx__Elu.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Buffer, Chip, Support, Table};
use crate::kernels::activation::exp_m1;

unary!(
    "Elu",
    Treatment::PLAIN,
    Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8AndInt16, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    (alpha = 1.0),
    |x| if x < 0.0 { alpha * exp_m1(x) } else { x }
);
