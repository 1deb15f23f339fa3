//! Floor: down to the next integer. <https://onnx.ai/onnx/operators/onnx__Floor.html>

use super::Treatment;
use super::elementwise::unary;
use crate::chip::Support;

unary!("Floor", Treatment::FLOAT, Support::LACKS, (), |x| x.floor());
