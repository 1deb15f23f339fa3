//! Asin: the inverse of the sine. <https://onnx.ai/onnx/operators/onnx__Asin.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Asin", Treatment::FLOAT, Support::LACKS, (), |x| x.asin());
