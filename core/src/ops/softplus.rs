//! Softplus: ln(1 + e^x). <https://onnx.ai/onnx/operators/onnx__Softplus.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;
use crate::kernels::activation::softplus;

unary!(
    "Softplus",
    Treatment::FLOAT,
    Support::Lacks { instead: Some("replace it by Log(1 + Exp(x)), or train with Elu, which ESP-DL supports") },
    (),
    |x| softplus(x)
);
