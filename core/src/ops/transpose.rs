//! Transpose: axes in another order. <https://onnx.ai/onnx/operators/onnx__Transpose.html>

use super::axes::normalize_all;
use super::elementwise::take;
use super::layout::{strides, walk};
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Chip, Scales, Support};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Transpose",
    treatment: Treatment::PASSIVE,
    chip: Support::Runs(&Chip { scales: Scales::OfInput, ..Chip::PLAIN }),
    infer,
    prepare,
};

fn order(call: &Call) -> Result<(Vec<usize>, Fact)> {
    let x = required(call, 0, "Transpose")?;
    let order = match call.attributes.ints("perm") {
        Some(perm) if perm.len() == x.shape.len() => normalize_all(perm, x.shape.len())?,
        Some(perm) => bail!("Transpose has perm {perm:?} for a tensor of shape {:?}", x.shape),
        None => (0..x.shape.len()).rev().collect(),
    };
    let shape: Vec<usize> = order.iter().map(|&axis| x.shape[axis]).collect();
    Ok((order, Fact::new(x.data_type, shape)))
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![order(call)?.1])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let (order, fact) = order(call)?;
    Ok(Box::new(Transpose { order, shape: fact.shape }))
}

struct Transpose {
    order: Vec<usize>,
    shape: Vec<usize>,
}

impl Kernel for Transpose {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        // Axes of one element can have any order: no data moves.
        let long = self.order.iter().filter(|&&axis| x.shape()[axis] != 1);
        if long.is_sorted() {
            return Ok(vec![x.reshape(&self.shape)?]);
        }
        let steps = strides(x.shape());
        let steps: Vec<isize> = self.order.iter().map(|&axis| steps[axis]).collect();
        Ok(vec![walk(&x, 0, &self.shape, &steps)?])
    }
}
