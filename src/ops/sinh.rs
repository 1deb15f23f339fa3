//! Sinh: the hyperbolic sine. <https://onnx.ai/onnx/operators/onnx__Sinh.html>

use super::elementwise::unary;

unary!("Sinh", Float, (), |x| x.sinh());
