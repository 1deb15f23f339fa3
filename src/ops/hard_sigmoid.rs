//! HardSigmoid: max(0, min(1, alpha x + beta)). <https://onnx.ai/onnx/operators/onnx__HardSigmoid.html>

use super::elementwise::unary;

unary!("HardSigmoid", Plain, (alpha = 0.2, beta = 0.5), |x| (alpha * x + beta).clamp(0.0, 1.0));
