//! Add: x + y. <https://onnx.ai/onnx/operators/onnx__Add.html>

use super::elementwise::binary;
use super::limits;
use super::{Shared, Treatment};
use crate::chip::{Axes, Buffer, Chip, Scales, Support};

binary!(
    "Add",
    Treatment { shared: Shared::Output, ..Treatment::PLAIN },
    Support::Runs(&Chip {
        axes: Axes::OneForAll,
        scales: Scales::OfOutput,
        limits: &[&limits::broadcast::RANK],
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    |x, y| x + y,
    |i, j| i.wrapping_add(j)
);
