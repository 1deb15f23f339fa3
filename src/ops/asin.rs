//! Asin: the inverse of the sine. <https://onnx.ai/onnx/operators/onnx__Asin.html>

use super::elementwise::unary;

unary!("Asin", Float, (), |x| x.asin());
