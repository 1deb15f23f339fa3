//! Cosh: the hyperbolic cosine. <https://onnx.ai/onnx/operators/onnx__Cosh.html>

use super::elementwise::unary;

unary!("Cosh", Float, (), |x| x.cosh());
