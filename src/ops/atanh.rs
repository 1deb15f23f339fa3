//! Atanh: the inverse of the hyperbolic tangent. <https://onnx.ai/onnx/operators/onnx__Atanh.html>

use super::elementwise::unary;

unary!("Atanh", Float, (), |x| x.atanh());
