//! And: of two booleans. <https://onnx.ai/onnx/operators/onnx__And.html>

use super::elementwise::{infer_bool, logical};
use super::{Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "And",
    treatment: Treatment { float_outputs: &[0], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer: infer_bool,
    prepare: |_| Ok(Box::new(And)),
};

struct And;

impl Kernel for And {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        logical(inputs, |a, b| a & b)
    }
}
