//! Reciprocal: 1 / x. <https://onnx.ai/onnx/operators/onnx__Reciprocal.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!(
    "Reciprocal",
    Treatment::FLOAT,
    Support::Lacks {
        instead: Some("replace it by Div of 1 by the value, or by Pow with the exponent -1, which ESP-DL supports")
    },
    (),
    |x| 1.0 / x
);
