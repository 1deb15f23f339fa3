//! Identity: its input. <https://onnx.ai/onnx/operators/onnx__Identity.html>

use super::elementwise::{infer_same, take};
use super::{Kernel, Operator, Role};
use crate::Result;
use crate::graph::Tensor;

pub static OPERATOR: Operator =
    Operator { name: "Identity", role: Role::Passive, infer: infer_same, prepare: |_| Ok(Box::new(Identity)) };

struct Identity;

impl Kernel for Identity {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![take(&mut inputs, 0)?])
    }
}
