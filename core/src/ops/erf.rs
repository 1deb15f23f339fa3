//! Erf: the error function. <https://onnx.ai/onnx/operators/onnx__Erf.html>

use super::Treatment;
use super::elementwise::unary;
use super::gelu::Erf;
use crate::chip::Support;

unary!("Erf", Treatment::FLOAT, Support::LACKS, (), |x| x.error_function());
