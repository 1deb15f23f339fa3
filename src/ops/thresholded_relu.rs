//! ThresholdedRelu: x where above alpha, else 0. <https://onnx.ai/onnx/operators/onnx__ThresholdedRelu.html>

use super::elementwise::unary;

unary!("ThresholdedRelu", Float, (alpha = 1.0), |x| if x > alpha { x } else { 0.0 });
