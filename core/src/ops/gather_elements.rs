//! GatherElements: one element for every index, along an axis. <https://onnx.ai/onnx/operators/onnx__GatherElements.html>

use super::axes::normalize;
use super::elementwise::take;
use super::gather_index::places;
use super::layout::{each_type, slice};
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "GatherElements",
    treatment: Treatment { float_inputs: &[1], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer,
    prepare,
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (x, indices) = (required(call, 0, "GatherElements")?, required(call, 1, "GatherElements")?);
    Ok(vec![Fact::new(x.data_type, indices.shape.clone())])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "GatherElements")?;
    Ok(Box::new(GatherElements { axis: normalize(call.attributes.int_or("axis", 0), x.shape.len())? }))
}

struct GatherElements {
    axis: usize,
}

impl Kernel for GatherElements {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, indices) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
        let places = places(x.shape(), &indices, self.axis)?;
        Ok(vec![each_type!(x, T => {
            let from = slice::<T>(&x);
            Tensor::new(indices.shape(), places.into_iter().map(|p| from[p]).collect())?
        })])
    }
}
