//! Sub: x - y. <https://onnx.ai/onnx/operators/onnx__Sub.html>

use super::elementwise::binary;

binary!("Sub", Plain, |x, y| x - y, |i, j| i.wrapping_sub(j));
