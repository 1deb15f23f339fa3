//! Acosh: the inverse of the hyperbolic cosine. <https://onnx.ai/onnx/operators/onnx__Acosh.html>

use super::elementwise::unary;

unary!("Acosh", Float, (), |x| x.acosh());
