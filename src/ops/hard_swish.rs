//! HardSwish: x max(0, min(1, x / 6 + 1 / 2)). <https://onnx.ai/onnx/operators/onnx__HardSwish.html>

use super::elementwise::unary;

unary!("HardSwish", Plain, (), |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0);
