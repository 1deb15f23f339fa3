//! Cos: the cosine. <https://onnx.ai/onnx/operators/onnx__Cos.html>

use super::elementwise::unary;

unary!("Cos", Float, (), |x| x.cos());
