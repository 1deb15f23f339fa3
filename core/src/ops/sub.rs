//! Sub: x - y. <https://onnx.ai/onnx/operators/onnx__Sub.html>

use super::elementwise::binary;
use super::limits;
use super::{Shared, Treatment};
use crate::chip::{Axes, Chip, Scales, Support};

binary!(
    "Sub",
    Treatment { shared: Shared::Output, ..Treatment::PLAIN },
    Support::Runs(&Chip {
        axes: Axes::OneForAll,
        scales: Scales::OfOutput,
        limits: &[&limits::broadcast::RANK],
        ..Chip::PLAIN
    }),
    |x, y| x - y,
    |i, j| i.wrapping_sub(j)
);
