//! Sin: the sine. <https://onnx.ai/onnx/operators/onnx__Sin.html>

use super::elementwise::unary;

unary!("Sin", Float, (), |x| x.sin());
