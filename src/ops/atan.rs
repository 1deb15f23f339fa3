//! Atan: the inverse of the tangent. <https://onnx.ai/onnx/operators/onnx__Atan.html>

use super::elementwise::unary;

unary!("Atan", Float, (), |x| x.atan());
