//! Tanh: the hyperbolic tangent. <https://onnx.ai/onnx/operators/onnx__Tanh.html>

use super::elementwise::unary;
use crate::kernels::activation::tanh;

unary!("Tanh", Plain, (), |x| tanh(x));
