//! Tan: the tangent. <https://onnx.ai/onnx/operators/onnx__Tan.html>

use super::elementwise::unary;

unary!("Tan", Float, (), |x| x.tan());
