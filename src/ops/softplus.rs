//! Softplus: ln(1 + e^x). <https://onnx.ai/onnx/operators/onnx__Softplus.html>

use super::elementwise::unary;

unary!("Softplus", Float, (), |x| if x > 20.0 { x } else { x.exp().ln_1p() });
