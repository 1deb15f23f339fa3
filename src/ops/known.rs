//! Operators whose result follows from shapes and constants alone.

use crate::Result;
use crate::graph::Tensor;

use super::{Fact, Kernel};

pub fn infer(value: Tensor) -> Result<Vec<Fact>> {
    Ok(vec![Fact::of(value)])
}

pub fn prepare(value: Tensor) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Known(value)))
}

struct Known(Tensor);

impl Kernel for Known {
    fn run(&self, _: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![self.0.clone()])
    }
}
