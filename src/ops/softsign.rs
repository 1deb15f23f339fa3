//! Softsign: x / (1 + |x|). <https://onnx.ai/onnx/operators/onnx__Softsign.html>

use super::elementwise::unary;

unary!("Softsign", Float, (), |x| x / (1.0 + x.abs()));
