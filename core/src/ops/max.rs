//! Max: the largest of its inputs; NaN if any input is. <https://onnx.ai/onnx/operators/onnx__Max.html>

use super::Treatment;
use super::elementwise::binary;
use crate::chip::Support;

binary!(
    "Max",
    Treatment::PLAIN,
    Support::Lacks { instead: Some("write max(a, b) as a + Relu(b - a), which ESP-DL supports") },
    |x, y| if x.is_nan() || x > y { x } else { y },
    |i, j| i.max(j)
);
