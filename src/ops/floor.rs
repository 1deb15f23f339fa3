//! Floor: down to the next integer. <https://onnx.ai/onnx/operators/onnx__Floor.html>

use super::elementwise::unary;

unary!("Floor", Float, (), |x| x.floor());
