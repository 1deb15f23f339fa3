//! Tanh: the hyperbolic tangent. <https://onnx.ai/onnx/operators/onnx__Tanh.html>

use super::elementwise::unary;

unary!("Tanh", Plain, (), |x| x.tanh());
