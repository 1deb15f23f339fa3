//! Log: the natural logarithm. <https://onnx.ai/onnx/operators/onnx__Log.html>

use super::elementwise::unary;

unary!("Log", Float, (), |x| x.ln());
