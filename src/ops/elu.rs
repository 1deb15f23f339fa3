//! Elu: x, or alpha (e^x - 1) where negative. <https://onnx.ai/onnx/operators/onnx__Elu.html>

use super::elementwise::unary;
use crate::kernels::activation::exp_m1;

unary!("Elu", Plain, (alpha = 1.0), |x| if x < 0.0 { alpha * exp_m1(x) } else { x });
