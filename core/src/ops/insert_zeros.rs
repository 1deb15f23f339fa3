//! InsertZeros: zeros between the elements of every spatial axis, `stride - 1` between two and `output_padding` after
//! the last. This is ESP-DL's own operator (`dl_module_insert_zeros.hpp`); followed by a Conv, it computes a
//! ConvTranspose.

use super::layout::{AxisMap, each_type, remap};
use super::operands::{checked_len, required};
use super::spatial;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Axes, Chip, Scales, Support};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "InsertZeros",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip { axes: Axes::ChannelsLast, scales: Scales::OfInput, ..Chip::PLAIN }),
    infer,
    prepare,
};

/// Element of the input at each position of the output, for every axis.
struct InsertZeros {
    maps: Vec<AxisMap>,
}

fn plan(call: &Call) -> Result<(Fact, InsertZeros)> {
    let x = required(call, 0, "InsertZeros")?;
    let [batch, channels, sides @ ..] = x.shape.as_slice() else {
        bail!("InsertZeros takes 3 axes or more, not {:?}", x.shape);
    };
    let of_axes = |name, default| {
        let values = spatial::sizes(call, "InsertZeros", name, sides.len())?;
        Ok::<_, crate::Error>(values.unwrap_or_else(|| vec![default; sides.len()]))
    };
    let (strides, behind) = (of_axes("stride", 1)?, of_axes("output_padding", 0)?);
    let mut shape = vec![*batch, *channels];
    for ((&n, stride), extra) in sides.iter().zip(&strides).zip(&behind) {
        let Some(size) = n.checked_sub(1).and_then(|n| n.checked_mul((*stride).max(1))) else {
            bail!("InsertZeros has an axis of {n} elements and stride {stride}");
        };
        shape.push(size.saturating_add(1).saturating_add(*extra));
    }
    checked_len(&shape)?;
    let whole = |n: usize| (0..n).map(Some).collect();
    let mut maps = vec![whole(*batch), whole(*channels)];
    for ((&size, &n), stride) in shape[2..].iter().zip(sides).zip(&strides) {
        let stride = (*stride).max(1);
        maps.push((0..size).map(|i| (i % stride == 0 && i / stride < n).then_some(i / stride)).collect());
    }
    Ok((Fact::new(x.data_type, shape), InsertZeros { maps }))
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![plan(call)?.0])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?.1))
}

impl Kernel for InsertZeros {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        Ok(vec![each_type!(x, T => remap(&x, &self.maps, T::default()))?])
    }
}
