//! Equal: x == y. <https://onnx.ai/onnx/operators/onnx__Equal.html>

use super::elementwise::{infer_bool, logical, numbers};
use super::{Kernel, Operator, Role};
use crate::Result;
use crate::graph::Tensor;

pub static OPERATOR: Operator =
    Operator { name: "Equal", role: Role::Plain, infer: infer_bool, prepare: |_| Ok(Box::new(Equal)) };

struct Equal;

impl Kernel for Equal {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        if matches!(inputs.first(), Some(Some(Tensor::Bool(_)))) {
            return logical(inputs, |a, b| a == b);
        }
        numbers!(zip, "Equal", inputs, |x, y| x == y, |x, y| x == y)
    }
}
