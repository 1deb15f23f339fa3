//! Elu: x, or alpha (e^x - 1) where negative. <https://onnx.ai/onnx/operators/onnx__Elu.html>

use super::elementwise::unary;

unary!("Elu", Plain, (alpha = 1.0), |x| if x < 0.0 { alpha * x.exp_m1() } else { x });
