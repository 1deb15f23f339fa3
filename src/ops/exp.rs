//! Exp: e^x. <https://onnx.ai/onnx/operators/onnx__Exp.html>

use super::elementwise::unary;

unary!("Exp", Plain, (), |x| x.exp());
