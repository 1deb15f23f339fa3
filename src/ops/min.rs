//! Min: the smallest of its inputs; NaN where any is. <https://onnx.ai/onnx/operators/onnx__Min.html>

use super::elementwise::binary;

binary!("Min", Float, |x, y| if x.is_nan() || x < y { x } else { y }, |i, j| i.min(j));
