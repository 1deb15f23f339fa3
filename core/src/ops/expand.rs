//! Expand: broadcast to a shape. <https://onnx.ai/onnx/operators/onnx__Expand.html>

use super::axes::constant_ints;
use super::broadcast::broadcast_shape;
use super::layout::{strides, walk};
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Expand",
    treatment: Treatment { float_inputs: &[1], ..Treatment::FLOAT },
    chip: Support::Lacks { instead: Some("replace it by a Concat of the value with itself, which ESP-DL supports") },
    infer,
    prepare,
};

fn shape(call: &Call) -> Result<Vec<usize>> {
    let x = required(call, 0, "Expand")?;
    let sizes = constant_ints(call, "shape", 1)?.unwrap_or_default();
    let target: Option<Vec<usize>> = sizes.iter().map(|&s| usize::try_from(s).ok()).collect();
    match target {
        Some(target) => broadcast_shape(&[&x.shape, &target]),
        None => bail!("Expand to {sizes:?} is not defined"),
    }
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "Expand")?.data_type, shape(call)?)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Expand { shape: shape(call)? }))
}

struct Expand {
    shape: Vec<usize>,
}

impl Kernel for Expand {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        let mut steps = vec![0; self.shape.len()];
        let natural = strides(x.shape());
        let first = self.shape.len() - x.rank();
        for (axis, (&size, step)) in x.shape().iter().zip(natural).enumerate() {
            steps[first + axis] = if size == 1 { 0 } else { step };
        }
        Ok(vec![walk(&x, 0, &self.shape, &steps)?])
    }
}
