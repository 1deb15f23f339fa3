//! Gather: slices of an axis, by index. <https://onnx.ai/onnx/operators/onnx__Gather.html>

use super::axes::normalize;
use super::layout::{each_type, slice};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Chip, Effect, Family, Limit, Scales, Support};
use crate::graph::{Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Gather",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip { limits: &[&INDICES], scales: Scales::OfInput, ..Chip::PLAIN }),
    infer,
    prepare,
};

/// The loader reads the indices from the file, and stops if they are not in it.
pub static INDICES: Limit = Limit {
    name: "gather-indices",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        let computed = node.input(1).filter(|_| !node.is_constant(1));
        Ok(computed.map(|name| format!("Gather with indices '{name}' that are computed while the model runs")))
    },
    help: "make the indices constant, or look up the rows in the application and pass them as an input",
    source: "dl_module_gather.hpp",
};

fn plan(call: &Call) -> Result<Gather> {
    let (x, indices) = (required(call, 0, "Gather")?, required(call, 1, "Gather")?);
    let axis = normalize(call.attributes.int_or("axis", 0), x.shape.len())?;
    let shape = [&x.shape[..axis], &indices.shape, &x.shape[axis + 1..]].concat();
    checked_len(&shape)?;
    Ok(Gather { axis, shape })
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "Gather")?.data_type, plan(call)?.shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

struct Gather {
    axis: usize,
    shape: Vec<usize>,
}

impl Kernel for Gather {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, indices) = (super::elementwise::take(&mut inputs, 0)?, super::elementwise::take(&mut inputs, 1)?);
        let Some(indices) = indices.to_i64s() else { bail!("Gather takes integer indices") };
        let size = x.shape()[self.axis];
        let indices = indices.into_iter().map(|i| normalize(i, size)).collect::<Result<Vec<_>>>();
        let indices = match indices {
            Ok(indices) => indices,
            Err(_) => bail!("Gather has an index outside an axis of {size}"),
        };
        Ok(vec![each_type!(x, T => self.pick::<T>(&x, &indices)?)])
    }
}

impl Gather {
    fn pick<T: Element>(&self, x: &Tensor, indices: &[usize]) -> Result<Tensor> {
        let inner: usize = x.shape()[self.axis + 1..].iter().product();
        let block = x.shape()[self.axis] * inner;
        let mut out = Vec::with_capacity(self.shape.iter().product());
        if block > 0 {
            for outer in slice::<T>(x).chunks_exact(block) {
                indices.iter().for_each(|&i| out.extend_from_slice(&outer[i * inner..(i + 1) * inner]));
            }
        }
        Tensor::new(&self.shape, out)
    }
}
