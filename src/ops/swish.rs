//! Swish: x / (1 + e^(-alpha x)). <https://onnx.ai/onnx/operators/onnx__Swish.html>

use super::elementwise::unary;

unary!("Swish", Plain, (alpha = 1.0), |x| x / (1.0 + (-alpha * x).exp()));
