//! LessOrEqual: x <= y. <https://onnx.ai/onnx/operators/onnx__LessOrEqual.html>

use super::elementwise::comparison;
use super::limits;
use super::{Shared, Treatment};
use crate::chip::{Axes, Buffer, Chip, Kernels, Scales, Support};

comparison!(
    "LessOrEqual",
    Treatment { shared: Shared::Widest, float_outputs: &[0], ..Treatment::PLAIN },
    Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        axes: Axes::OneForAll,
        scales: Scales::OneForInputs,
        limits: &[&limits::broadcast::RANK],
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    |x, y| x <= y
);
