//! Asinh: the inverse of the hyperbolic sine. <https://onnx.ai/onnx/operators/onnx__Asinh.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Asinh", Treatment::FLOAT, Support::LACKS, (), |x| x.asinh());
