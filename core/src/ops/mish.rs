//! Mish: x tanh(softplus(x)). <https://onnx.ai/onnx/operators/onnx__Mish.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Mish", Treatment::FLOAT, Support::LACKS, (), |x| x * x.exp().ln_1p().tanh());
