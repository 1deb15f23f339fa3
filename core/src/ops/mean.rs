//! Mean: the mean of all inputs, element by element. <https://onnx.ai/onnx/operators/onnx__Mean.html>

use super::broadcast::combine;
use super::elementwise::{infer_broadcast, map};
use super::{Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Mean",
    treatment: Treatment::FLOAT,
    chip: Support::Lacks { instead: Some("replace it by Add, and Mul by one over the number of inputs") },
    infer: infer_broadcast,
    prepare: |_| Ok(Box::new(Mean)),
};

struct Mean;

impl Kernel for Mean {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![match inputs.first() {
            Some(Some(Tensor::F64(_))) => mean::<f64>(inputs)?,
            _ => mean::<f32>(inputs)?,
        }])
    }
}

fn mean<T: Real + Element>(inputs: Vec<Option<Tensor>>) -> Result<Tensor> {
    let count = T::from_usize(inputs.len());
    let mut rest = inputs.into_iter().flatten();
    let Some(mut sum) = rest.next() else { bail!("Mean has no input") };
    for x in rest {
        sum = combine(sum, x, |a: T, b: T| a + b)?;
    }
    map(sum, |v: T| v / count)
}
