//! Softsign: x / (1 + |x|). <https://onnx.ai/onnx/operators/onnx__Softsign.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Softsign", Treatment::FLOAT, Support::LACKS, (), |x| x / (1.0 + x.abs()));
