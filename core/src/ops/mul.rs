//! Mul: x y. <https://onnx.ai/onnx/operators/onnx__Mul.html>

use super::Treatment;
use super::elementwise::binary;
use super::limits;
use crate::chip::{Axes, Chip, Support};

binary!(
    "Mul",
    Treatment::PLAIN,
    Support::Runs(&Chip {
        axes: Axes::OneForAll,
        limits: &[&limits::broadcast::RANK, &limits::exponents::SHIFT],
        ..Chip::PLAIN
    }),
    |x, y| x * y,
    |i, j| i.wrapping_mul(j)
);
