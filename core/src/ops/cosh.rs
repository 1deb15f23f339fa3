//! Cosh: the hyperbolic cosine. <https://onnx.ai/onnx/operators/onnx__Cosh.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Cosh", Treatment::FLOAT, Support::LACKS, (), |x| x.cosh());
