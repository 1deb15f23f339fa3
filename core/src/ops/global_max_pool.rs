//! GlobalMaxPool: the largest element of each channel.
//! <https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html>

use std::marker::PhantomData;

use super::operands::{checked_len, exactly, expect_float, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Chip, Support};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::pool;
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "GlobalMaxPool",
    treatment: Treatment::PASSIVE,
    chip: Support::Runs(&Chip { written_as: Some("ReduceMax"), ..Chip::PLAIN }),
    infer,
    prepare,
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (x, _, _, y_shape) = shapes(call)?;
    Ok(vec![Fact::new(x.data_type, y_shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let (x, planes, size, y_shape) = shapes(call)?;
    Ok(match x.data_type {
        DataType::F64 => Box::new(GlobalMaxPool { planes, size, y_shape, real: PhantomData::<f64> }),
        _ => Box::new(GlobalMaxPool { planes, size, y_shape, real: PhantomData::<f32> }),
    })
}

/// Returns the input's fact, planes (batch * channels), elements per plane, and the output's shape.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, usize, usize, Vec<usize>)> {
    let x = required(call, 0, "GlobalMaxPool")?;
    expect_float(x.data_type, "GlobalMaxPool")?;
    let [batch, channels, spatial @ ..] = x.shape.as_slice() else {
        bail!("GlobalMaxPool takes an input of 2 axes or more, not {:?}", x.shape);
    };
    checked_len(&x.shape)?;
    let mut y_shape = vec![1; x.shape.len()];
    y_shape[..2].copy_from_slice(&[*batch, *channels]);
    Ok((x, checked_len(&[*batch, *channels])?, checked_len(spatial)?, y_shape))
}

struct GlobalMaxPool<T> {
    planes: usize,
    size: usize,
    y_shape: Vec<usize>,
    real: PhantomData<T>,
}

impl<T: Real + Element> Kernel for GlobalMaxPool<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = exactly::<T>(&inputs, 0, self.planes * self.size)?;
        Ok(vec![Tensor::new(&self.y_shape, pool::global_max(x, self.planes, self.size))?])
    }
}
