//! Acos: the inverse of the cosine. <https://onnx.ai/onnx/operators/onnx__Acos.html>

use super::elementwise::unary;

unary!("Acos", Float, (), |x| x.acos());
