//! Reciprocal: 1 / x. <https://onnx.ai/onnx/operators/onnx__Reciprocal.html>

use super::elementwise::unary;

unary!("Reciprocal", Float, (), |x| 1.0 / x);
