//! Round: to the nearest integer, ties to even. <https://onnx.ai/onnx/operators/onnx__Round.html>

use super::elementwise::unary;

unary!("Round", Float, (), |x| x.round_ties_even());
