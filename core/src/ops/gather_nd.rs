//! GatherND: one block for every tuple of indices. <https://onnx.ai/onnx/operators/onnx__GatherND.html>

use super::elementwise::take;
use super::gather_nd_index::{block_shape, blocks};
use super::layout::{each_type, slice};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "GatherND",
    treatment: Treatment { float_inputs: &[1], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer,
    prepare,
};

fn plan(call: &Call) -> Result<GatherNd> {
    let (x, indices) = (required(call, 0, "GatherND")?, required(call, 1, "GatherND")?);
    let Ok(batches) = usize::try_from(call.attributes.int_or("batch_dims", 0)) else {
        bail!("GatherND has a negative batch_dims")
    };
    let block = block_shape(&x.shape, &indices.shape, batches)?;
    let shape = [&indices.shape[..indices.shape.len() - 1], block].concat();
    checked_len(&shape)?;
    Ok(GatherNd { batches, block: block.iter().product(), shape })
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "GatherND")?.data_type, plan(call)?.shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

struct GatherNd {
    batches: usize,
    /// Elements per block.
    block: usize,
    shape: Vec<usize>,
}

impl Kernel for GatherNd {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, indices) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
        let blocks = blocks(x.shape(), &indices, self.batches)?;
        Ok(vec![each_type!(x, T => {
            let from = slice::<T>(&x);
            let picked = blocks.into_iter().flat_map(|b| &from[b * self.block..(b + 1) * self.block]);
            Tensor::new(&self.shape, picked.copied().collect())?
        })])
    }
}
