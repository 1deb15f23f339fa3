//! Sqrt: the square root. <https://onnx.ai/onnx/operators/onnx__Sqrt.html>

use super::elementwise::unary;

unary!("Sqrt", Float, (), |x| x.sqrt());
