//! GreaterOrEqual: x >= y. <https://onnx.ai/onnx/operators/onnx__GreaterOrEqual.html>

use super::elementwise::comparison;

comparison!("GreaterOrEqual", |x, y| x >= y);
