//! AveragePool: the mean of each window. <https://onnx.ai/onnx/operators/onnx__AveragePool.html>

use std::marker::PhantomData;

use super::operands::{checked_len, exactly, expect_float, required};
use super::spatial::{self, Ends};
use super::{Call, Fact, Kernel, Operator, Role};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::pool;
use crate::kernels::real::Real;
use crate::kernels::window::Window;
use crate::{Error, Result, bail};

pub static OPERATOR: Operator = Operator { name: "AveragePool", role: Role::Plain, infer, prepare };

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (x, _, _, y_shape) = shapes(call)?;
    Ok(vec![Fact::new(x.data_type, y_shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let (x, window, planes, y_shape) = shapes(call)?;
    let count_pads = call.attributes.int_or("count_include_pad", 0) != 0;
    Ok(match x.data_type {
        DataType::F64 => Box::new(AveragePool { window, planes, y_shape, count_pads, real: PhantomData::<f64> }),
        _ => Box::new(AveragePool { window, planes, y_shape, count_pads, real: PhantomData::<f32> }),
    })
}

/// The input's fact, the window, planes (batch * channels), and the output's shape.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, Window, usize, Vec<usize>)> {
    let x = required(call, 0, "AveragePool")?;
    expect_float(x.data_type, "AveragePool")?;
    let [batch, channels, spatial @ ..] = x.shape.as_slice() else {
        bail!("AveragePool takes an input of 3 axes or more, not {:?}", x.shape);
    };
    let Some(kernel) = spatial::kernel_shape(call, "AveragePool")? else {
        return Err(
            Error::new("AveragePool has no kernel_shape").with_help("give the attribute one value a spatial axis")
        );
    };
    let ends = if call.attributes.int_or("ceil_mode", 0) != 0 { Ends::Ceil } else { Ends::Floor };
    let window = spatial::window(call, "AveragePool", spatial, &kernel, ends)?;
    let y_shape = [&[*batch, *channels], &window.output[3 - spatial.len()..]].concat();
    checked_len(&x.shape)?;
    checked_len(&y_shape)?;
    Ok((x, window, batch * channels, y_shape))
}

struct AveragePool<T> {
    window: Window,
    planes: usize,
    y_shape: Vec<usize>,
    count_pads: bool,
    real: PhantomData<T>,
}

impl<T: Real + Element> Kernel for AveragePool<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = exactly::<T>(&inputs, 0, self.planes * self.window.inputs())?;
        let y = pool::average(&self.window, self.planes, x, self.count_pads)?;
        Ok(vec![Tensor::new(&self.y_shape, y)?])
    }
}
