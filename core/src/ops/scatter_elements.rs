//! ScatterElements: a tensor with elements replaced or updated, one for every index along an axis. <https://onnx.ai/onnx/operators/onnx__ScatterElements.html>

use super::axes::normalize;
use super::elementwise::{infer_same, take};
use super::gather_index::places;
use super::layout::each_type;
use super::operands::{exactly, required};
use super::scatter::{Reduction, Update};
use super::{Call, Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "ScatterElements",
    treatment: Treatment { float_inputs: &[1], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "ScatterElements")?;
    let axis = normalize(call.attributes.int_or("axis", 0), x.shape.len())?;
    Ok(Box::new(ScatterElements { axis, reduction: Reduction::of(call)? }))
}

struct ScatterElements {
    axis: usize,
    reduction: Reduction,
}

impl Kernel for ScatterElements {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, indices) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
        let shape = x.shape().to_vec();
        let places = places(&shape, &indices, self.axis)?;
        Ok(vec![each_type!(x, T => {
            let updates = exactly::<T>(&inputs, 2, places.len())?;
            let mut out = x.into_vec::<T>().unwrap_or_default();
            for (p, &by) in places.into_iter().zip(updates) {
                out[p] = out[p].update(by, self.reduction);
            }
            Tensor::new(&shape, out)?
        })])
    }
}
