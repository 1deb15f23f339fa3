//! Xor: of two booleans. <https://onnx.ai/onnx/operators/onnx__Xor.html>

use super::elementwise::{infer_bool, logical};
use super::{Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "Xor",
    treatment: Treatment { float_outputs: &[0], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer: infer_bool,
    prepare: |_| Ok(Box::new(Xor)),
};

struct Xor;

impl Kernel for Xor {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        logical(inputs, |a, b| a ^ b)
    }
}
