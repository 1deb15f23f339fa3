//! Erf: the error function. <https://onnx.ai/onnx/operators/onnx__Erf.html>

use super::elementwise::unary;
use super::gelu::Erf;

unary!("Erf", Float, (), |x| x.error_function());
