//! Ceil: up to the next integer. <https://onnx.ai/onnx/operators/onnx__Ceil.html>

use super::elementwise::unary;

unary!("Ceil", Float, (), |x| x.ceil());
