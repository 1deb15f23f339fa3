//! Div: x / y; integers toward zero, and 0 for division by 0. <https://onnx.ai/onnx/operators/onnx__Div.html>

use super::Treatment;
use super::elementwise::binary;
use super::limits;
use crate::chip::{Axes, Chip, Support};

binary!(
    "Div",
    Treatment::PLAIN,
    Support::Runs(&Chip { axes: Axes::OneForAll, limits: &[&limits::broadcast::RANK], ..Chip::PLAIN }),
    |x, y| x / y,
    |i, j| i.checked_div(j).unwrap_or(0)
);
