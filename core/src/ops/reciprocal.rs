//! Reciprocal: 1 / x. <https://onnx.ai/onnx/operators/onnx__Reciprocal.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::{Axes, Chip, Support};

unary!(
    "Reciprocal",
    Treatment::FLOAT,
    Support::Runs(&Chip { written_as: Some("Div"), axes: Axes::Any, ..Chip::PLAIN }),
    (),
    |x| 1.0 / x
);
