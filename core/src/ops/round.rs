//! Round: to the nearest integer, ties to even. <https://onnx.ai/onnx/operators/onnx__Round.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Round", Treatment::FLOAT, Support::LACKS, (), |x| x.round_ties_even());
