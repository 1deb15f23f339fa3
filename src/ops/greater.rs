//! Greater: x > y. <https://onnx.ai/onnx/operators/onnx__Greater.html>

use super::elementwise::comparison;

comparison!("Greater", |x, y| x > y);
