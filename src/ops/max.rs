//! Max: the largest of its inputs; NaN where any is. <https://onnx.ai/onnx/operators/onnx__Max.html>

use super::elementwise::binary;

binary!("Max", Plain, |x, y| if x.is_nan() || x > y { x } else { y }, |i, j| i.max(j));
