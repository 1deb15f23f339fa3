//! Acos: the inverse of the cosine. <https://onnx.ai/onnx/operators/onnx__Acos.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Acos", Treatment::FLOAT, Support::LACKS, (), |x| x.acos());
