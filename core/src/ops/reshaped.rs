//! Operators that only change a tensor's shape.

use crate::Result;
use crate::graph::Tensor;

use super::elementwise::take;
use super::operands::required;
use super::{Call, Fact, Kernel};

/// Infers the facts of an operator whose output has the first input's elements with `shape`.
pub fn infer(call: &Call, shape: Vec<usize>) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "the operator")?.data_type, shape)])
}

pub fn prepare(shape: Vec<usize>) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Reshaped { shape }))
}

struct Reshaped {
    shape: Vec<usize>,
}

impl Kernel for Reshaped {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![take(&mut inputs, 0)?.reshape(&self.shape)?])
    }
}
