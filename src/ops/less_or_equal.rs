//! LessOrEqual: x <= y. <https://onnx.ai/onnx/operators/onnx__LessOrEqual.html>

use super::elementwise::comparison;

comparison!("LessOrEqual", |x, y| x <= y);
