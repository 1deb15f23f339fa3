//! Identity: its input. <https://onnx.ai/onnx/operators/onnx__Identity.html>

use super::elementwise::{infer_same, take};
use super::{Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::{Axes, Buffer, Chip, Support};
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "Identity",
    treatment: Treatment::PASSIVE,
    chip: Support::Runs(&Chip { axes: Axes::Any, buffer: Buffer::Shared, ..Chip::PLAIN }),
    infer: infer_same,
    prepare: |_| Ok(Box::new(Identity)),
};

struct Identity;

impl Kernel for Identity {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![take(&mut inputs, 0)?])
    }
}
