//! Not: of a boolean. <https://onnx.ai/onnx/operators/onnx__Not.html>

use super::elementwise::{infer_same, map, take};
use super::{Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "Not",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: infer_same,
    prepare: |_| Ok(Box::new(Not)),
};

struct Not;

impl Kernel for Not {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![map(take(&mut inputs, 0)?, |v: bool| !v)?])
    }
}
