//! Sigmoid: 1 / (1 + e^-x). <https://onnx.ai/onnx/operators/onnx__Sigmoid.html>

use super::elementwise::unary;

unary!("Sigmoid", Plain, (), |x| 1.0 / (1.0 + (-x).exp()));
