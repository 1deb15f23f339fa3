//! ArgMin: the index of the smallest element along an axis. <https://onnx.ai/onnx/operators/onnx__ArgMin.html>

use super::arg::{self, Best};
use super::{Operator, Treatment};
use crate::chip::Support;

pub static OPERATOR: Operator = Operator {
    name: "ArgMin",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: arg::infer,
    prepare: |call| arg::prepare(call, Best::Smallest),
};
