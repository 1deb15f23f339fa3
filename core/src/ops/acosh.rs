//! Acosh: the inverse of the hyperbolic cosine. <https://onnx.ai/onnx/operators/onnx__Acosh.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Acosh", Treatment::FLOAT, Support::LACKS, (), |x| x.acosh());
