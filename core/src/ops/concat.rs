//! Concat: tensors one after the other along an axis. <https://onnx.ai/onnx/operators/onnx__Concat.html>

use super::axes::normalize;
use super::layout::{each_type, slice};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Shared, Treatment};
use crate::chip::{Axes, Chip, Effect, Family, Limit, Scales, Support};
use crate::graph::{Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Concat",
    treatment: Treatment { shared: Shared::Output, ..Treatment::PLAIN },
    chip: Support::Runs(&Chip { axes: Axes::Joined, scales: Scales::OfOutput, limits: &[&ONE_INPUT], ..Chip::PLAIN }),
    infer,
    prepare,
};

pub static ONE_INPUT: Limit = Limit {
    name: "concat-of-one",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: |node| Ok((node.input_count() < 2).then(|| "Concat of one input stops the chip".to_string())),
    help: "replace it by Identity",
    source: "dl_module_concat.hpp",
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let first = required(call, 0, "Concat")?;
    // Default of operator set 1.
    let axis = normalize(call.attributes.int_or("axis", 1), first.shape.len())?;
    let mut shape = first.shape.clone();
    for port in 1..call.inputs.len() {
        let next = required(call, port, "Concat")?;
        let fits = next.shape.len() == shape.len()
            && (0..shape.len()).all(|a| a == axis || next.shape[a] == shape[a])
            && next.data_type == first.data_type;
        if !fits {
            bail!("Concat along axis {axis} of {:?} and {:?}", first.shape, next.shape);
        }
        shape[axis] = shape[axis].saturating_add(next.shape[axis]);
    }
    checked_len(&shape)?;
    Ok(vec![Fact::new(first.data_type, shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let shape = infer(call)?.remove(0).shape;
    let axis = normalize(call.attributes.int_or("axis", 1), shape.len())?;
    Ok(Box::new(Concat { axis, shape }))
}

struct Concat {
    axis: usize,
    shape: Vec<usize>,
}

impl Kernel for Concat {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let Some(Some(first)) = inputs.first() else { bail!("input 0 is missing") };
        Ok(vec![each_type!(first, T => self.join::<T>(&inputs)?)])
    }
}

impl Concat {
    fn join<T: Element>(&self, inputs: &[Option<Tensor>]) -> Result<Tensor> {
        let outer: usize = self.shape[..self.axis].iter().product();
        let parts: Vec<&[T]> = inputs.iter().flatten().map(slice::<T>).collect();
        let mut out = Vec::with_capacity(self.shape.iter().product());
        for o in 0..outer {
            for part in &parts {
                let run = part.len() / outer;
                out.extend_from_slice(&part[o * run..(o + 1) * run]);
            }
        }
        Tensor::new(&self.shape, out)
    }
}
