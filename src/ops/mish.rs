//! Mish: x tanh(softplus(x)). <https://onnx.ai/onnx/operators/onnx__Mish.html>

use super::elementwise::unary;

unary!("Mish", Float, (), |x| x * x.exp().ln_1p().tanh());
