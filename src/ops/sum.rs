//! Sum: of all inputs. <https://onnx.ai/onnx/operators/onnx__Sum.html>

use super::elementwise::binary;

binary!("Sum", Float, |x, y| x + y, |i, j| i.wrapping_add(j));
