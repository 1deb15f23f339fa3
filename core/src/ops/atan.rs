//! Atan: the inverse of the tangent. <https://onnx.ai/onnx/operators/onnx__Atan.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Atan", Treatment::FLOAT, Support::LACKS, (), |x| x.atan());
