//! Sinh: the hyperbolic sine. <https://onnx.ai/onnx/operators/onnx__Sinh.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Sinh", Treatment::FLOAT, Support::LACKS, (), |x| x.sinh());
