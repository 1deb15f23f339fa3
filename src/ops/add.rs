//! Add: x + y. <https://onnx.ai/onnx/operators/onnx__Add.html>

use super::elementwise::binary;

binary!("Add", Plain, |x, y| x + y, |i, j| i.wrapping_add(j));
