//! Softplus: ln(1 + e^x). <https://onnx.ai/onnx/operators/onnx__Softplus.html>

use super::elementwise::unary;
use crate::kernels::activation::softplus;

unary!("Softplus", Float, (), |x| softplus(x));
