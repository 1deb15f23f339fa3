//! Celu: max(0, x) + min(0, alpha (e^(x / alpha) - 1)). <https://onnx.ai/onnx/operators/onnx__Celu.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!(
    "Celu",
    Treatment::FLOAT,
    Support::Lacks { instead: Some("train with Elu, which ESP-DL supports") },
    (alpha = 1.0),
    |x| x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0)
);
