//! ArgMax: the index of the largest element along an axis. <https://onnx.ai/onnx/operators/onnx__ArgMax.html>

use super::arg::{self, Best};
use super::{Operator, Treatment};
use crate::chip::Support;

pub static OPERATOR: Operator = Operator {
    name: "ArgMax",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: arg::infer,
    prepare: |call| arg::prepare(call, Best::Largest),
};
