//! Sub: x - y. <https://onnx.ai/onnx/operators/onnx__Sub.html>

use super::elementwise::binary;
use super::limits;
use super::{Shared, Treatment};
use crate::chip::{Axes, Chip, Support};

binary!(
    "Sub",
    Treatment { shared: Shared::Output, ..Treatment::PLAIN },
    Support::Runs(&Chip {
        axes: Axes::OneForAll,
        takes_integers: true,
        limits: &[&limits::broadcast::RANK, &limits::exponents::SUM],
        ..Chip::PLAIN
    }),
    |x, y| x - y,
    |i, j| i.wrapping_sub(j)
);
