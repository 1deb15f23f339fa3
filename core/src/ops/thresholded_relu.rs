//! ThresholdedRelu: x where above alpha, else 0. <https://onnx.ai/onnx/operators/onnx__ThresholdedRelu.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("ThresholdedRelu", Treatment::FLOAT, Support::LACKS, (alpha = 1.0), |x| if x > alpha { x } else { 0.0 });
