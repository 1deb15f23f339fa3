//! Ceil: up to the next integer. <https://onnx.ai/onnx/operators/onnx__Ceil.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Ceil", Treatment::FLOAT, Support::LACKS, (), |x| x.ceil());
