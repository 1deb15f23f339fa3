//! MaxPool: the largest element of each window, and where it was.
//! <https://onnx.ai/onnx/operators/onnx__MaxPool.html>

use std::marker::PhantomData;

use super::limits;
use super::operands::{checked_len, exactly, expect_float, required};
use super::spatial::{self, Ends};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Axes, Chip, Effect, Family, Kernels, Limit, Scales, Support};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::pool;
use crate::kernels::real::Real;
use crate::kernels::window::Window;
use crate::{Error, Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "MaxPool",
    treatment: Treatment::PASSIVE,
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        axes: Axes::ChannelsLast,
        limits: &[
            &limits::spatial::RANK,
            &limits::spatial::BATCH,
            &limits::spatial::WIDE,
            &limits::pool::DILATED,
            &INDICES,
            &limits::pool::CEIL_MODE,
        ],
        scales: Scales::OfInput,
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

pub static INDICES: Limit = Limit {
    name: "pooling-indices",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        Ok(node.has_output(1).then(|| "MaxPool with the output Indices, which the runtime does not write".to_string()))
    },
    help: "remove the output Indices; to enlarge an image, use Resize or ConvTranspose",
    source: "dl_module_max_pool.hpp",
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (x, _, _, y_shape) = shapes(call)?;
    let indices = (call.outputs > 1).then(|| Fact::new(DataType::I64, y_shape.clone()));
    Ok([Fact::new(x.data_type, y_shape)].into_iter().chain(indices).collect())
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(match shapes(call)?.0.data_type {
        DataType::F64 => Box::new(build::<f64>(call)?),
        DataType::F32 => Box::new(build::<f32>(call)?),
        // 8-bit values are exact in float32.
        other => Box::new(Bytes { float: build::<f32>(call)?, data_type: other }),
    })
}

/// Returns the input's fact, the window, planes (batch * channels), and the output's shape.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, Window, usize, Vec<usize>)> {
    let x = required(call, 0, "MaxPool")?;
    if !matches!(x.data_type, DataType::I8 | DataType::U8) {
        expect_float(x.data_type, "MaxPool")?;
    }
    let [batch, channels, spatial @ ..] = x.shape.as_slice() else {
        bail!("MaxPool takes an input of 3 axes or more, not {:?}", x.shape);
    };
    let Some(kernel) = spatial::kernel_shape(call, "MaxPool")? else {
        return Err(
            Error::new("MaxPool has no kernel_shape").with_help("set the attribute to one value per spatial axis")
        );
    };
    let ends = if call.attributes.int_or("ceil_mode", 0) != 0 { Ends::Ceil } else { Ends::Floor };
    let window = spatial::window(call, "MaxPool", spatial, &kernel, ends)?;
    let y_shape = [&[*batch, *channels], &window.output[3 - spatial.len()..]].concat();
    checked_len(&x.shape)?;
    checked_len(&y_shape)?;
    Ok((x, window, batch * channels, y_shape))
}

fn build<T: Real + Element>(call: &Call) -> Result<MaxPool<T>> {
    let (_, window, planes, y_shape) = shapes(call)?;
    let column_major = call.attributes.int_or("storage_order", 0) != 0;
    Ok(MaxPool { window, planes, y_shape, column_major, indices: call.outputs > 1, real: PhantomData })
}

struct MaxPool<T> {
    window: Window,
    planes: usize,
    y_shape: Vec<usize>,
    column_major: bool,
    indices: bool,
    real: PhantomData<T>,
}

impl<T: Real + Element> Kernel for MaxPool<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = exactly::<T>(&inputs, 0, self.planes * self.window.inputs())?;
        if !self.indices {
            return Ok(vec![Tensor::new(&self.y_shape, pool::max(&self.window, self.planes, x)?)?]);
        }
        let (y, indices) = pool::max_with_indices(&self.window, self.planes, x, self.column_major)?;
        Ok(vec![Tensor::new(&self.y_shape, y)?, Tensor::new(&self.y_shape, indices)?])
    }
}

struct Bytes {
    float: MaxPool<f32>,
    data_type: DataType,
}

impl Kernel for Bytes {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let Some(Some(x)) = inputs.first() else { bail!("input 0 is missing") };
        let values = x.to_i64s().unwrap_or_default().into_iter().map(|v| v as f32).collect();
        let mut outputs = self.float.run(vec![Some(Tensor::new(x.shape(), values)?)])?;
        let y = outputs[0].slice::<f32>().unwrap_or_default();
        outputs[0] = match self.data_type {
            DataType::U8 => Tensor::new(&self.float.y_shape, y.iter().map(|&v| v as u8).collect())?,
            _ => Tensor::new(&self.float.y_shape, y.iter().map(|&v| v as i8).collect())?,
        };
        Ok(outputs)
    }
}
