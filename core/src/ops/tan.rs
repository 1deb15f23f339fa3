//! Tan: the tangent. <https://onnx.ai/onnx/operators/onnx__Tan.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Tan", Treatment::FLOAT, Support::LACKS, (), |x| x.tan());
