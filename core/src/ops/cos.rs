//! Cos: the cosine. <https://onnx.ai/onnx/operators/onnx__Cos.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Cos", Treatment::FLOAT, Support::LACKS, (), |x| x.cos());
