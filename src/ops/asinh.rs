//! Asinh: the inverse of the hyperbolic sine. <https://onnx.ai/onnx/operators/onnx__Asinh.html>

use super::elementwise::unary;

unary!("Asinh", Float, (), |x| x.asinh());
