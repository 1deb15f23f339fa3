//! Mul: x y. <https://onnx.ai/onnx/operators/onnx__Mul.html>

use super::elementwise::binary;

binary!("Mul", Plain, |x, y| x * y, |i, j| i.wrapping_mul(j));
