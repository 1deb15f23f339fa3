//! Selu: gamma x, or gamma alpha (e^x - 1) where negative. <https://onnx.ai/onnx/operators/onnx__Selu.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!(
    "Selu",
    Treatment::FLOAT,
    Support::Lacks { instead: Some("train with Elu, which ESP-DL supports") },
    (alpha = 1.673_263_2, gamma = 1.050_701),
    |x| gamma * if x <= 0.0 { alpha * x.exp_m1() } else { x }
);
