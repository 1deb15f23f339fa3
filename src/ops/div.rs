//! Div: x / y; integers toward zero, and 0 where dividing by 0. <https://onnx.ai/onnx/operators/onnx__Div.html>

use super::elementwise::binary;

binary!("Div", Plain, |x, y| x / y, |i, j| i.checked_div(j).unwrap_or(0));
