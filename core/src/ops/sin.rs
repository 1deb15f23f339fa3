//! Sin: the sine. <https://onnx.ai/onnx/operators/onnx__Sin.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Sin", Treatment::FLOAT, Support::LACKS, (), |x| x.sin());
