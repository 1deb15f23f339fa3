//! Min: the smallest of its inputs; NaN if any input is. <https://onnx.ai/onnx/operators/onnx__Min.html>

use super::Treatment;
use super::elementwise::binary;
use crate::chip::Support;

binary!(
    "Min",
    Treatment::FLOAT,
    Support::Lacks { instead: Some("write min(a, b) as a - Relu(a - b), which ESP-DL supports") },
    |x, y| if x.is_nan() || x < y { x } else { y },
    |i, j| i.min(j)
);
