//! Less: x < y. <https://onnx.ai/onnx/operators/onnx__Less.html>

use super::elementwise::comparison;

comparison!("Less", |x, y| x < y);
