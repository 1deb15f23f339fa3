//! LeakyRelu: x, or alpha x where negative. <https://onnx.ai/onnx/operators/onnx__LeakyRelu.html>

use super::elementwise::unary;

unary!("LeakyRelu", Plain, (alpha = 0.01), |x| if x < 0.0 { x * alpha } else { x });
