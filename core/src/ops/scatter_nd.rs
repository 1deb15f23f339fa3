//! ScatterND: a tensor with blocks replaced or updated, one for every tuple of indices. <https://onnx.ai/onnx/operators/onnx__ScatterND.html>

use super::elementwise::{infer_same, take};
use super::gather_nd_index::{block_shape, blocks};
use super::layout::each_type;
use super::operands::exactly;
use super::scatter::{Reduction, Update};
use super::{Call, Kernel, Operator, Shared, Treatment};
use crate::Result;
use crate::chip::{Buffer, Chip, Scales, Support};
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "ScatterND",
    treatment: Treatment { shared: Shared::Output, float_inputs: &[1], ..Treatment::PLAIN },
    chip: Support::Runs(&Chip { scales: Scales::OfOutput, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(ScatterNd { reduction: Reduction::of(call)? }))
}

struct ScatterNd {
    reduction: Reduction,
}

impl Kernel for ScatterNd {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, indices) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
        let shape = x.shape().to_vec();
        let size: usize = block_shape(&shape, indices.shape(), 0)?.iter().product();
        let blocks = blocks(&shape, &indices, 0)?;
        Ok(vec![each_type!(x, T => {
            let updates = exactly::<T>(&inputs, 2, blocks.len() * size)?;
            let mut out = x.into_vec::<T>().unwrap_or_default();
            for (b, updates) in blocks.into_iter().zip(updates.chunks(size.max(1))) {
                for (v, &by) in out[b * size..(b + 1) * size].iter_mut().zip(updates) {
                    *v = v.update(by, self.reduction);
                }
            }
            Tensor::new(&shape, out)?
        })])
    }
}
