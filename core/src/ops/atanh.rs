//! Atanh: the inverse of the hyperbolic tangent. <https://onnx.ai/onnx/operators/onnx__Atanh.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Atanh", Treatment::FLOAT, Support::LACKS, (), |x| x.atanh());
