//! Operators whose result is determined by shapes and constants.

use crate::Result;
use crate::graph::Tensor;

use super::{Fact, Kernel};

pub fn infer(value: Tensor) -> Result<Vec<Fact>> {
    Ok(vec![Fact::of(value)])
}

pub fn prepare(value: Tensor) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(ConstantResult(value)))
}

struct ConstantResult(Tensor);

impl Kernel for ConstantResult {
    fn run(&self, _: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![self.0.clone()])
    }
}
