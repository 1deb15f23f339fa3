//! AveragePool: the mean of each window. <https://onnx.ai/onnx/operators/onnx__AveragePool.html>

use std::marker::PhantomData;

use super::limits;
use super::operands::{checked_len, exactly, expect_float, required};
use super::spatial::{self, Ends};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Axes, Checked, Chip, Effect, Family, Limit, NodeView, Support, Unreadable};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::pool;
use crate::kernels::real::Real;
use crate::kernels::window::Window;
use crate::{Error, Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "AveragePool",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        axes: Axes::ChannelsLast,
        limits: &[
            &limits::spatial::RANK,
            &limits::spatial::BATCH,
            &limits::pool::DILATED,
            &limits::pool::CEIL_MODE,
            &PADS,
        ],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

pub static PADS: Limit = Limit {
    name: "average-of-pads",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: pads,
    help: "set count_include_pad = 1 and train with it, or pool without pads",
    source: "dl_base_avg_pool2d.cpp",
};

/// The kernels divide by the whole window, also at the edges.
fn pads(node: &dyn NodeView) -> Checked {
    if node.int("count_include_pad", 0)? != 0 {
        return Ok(None);
    }
    let pads = match node.text("auto_pad", "NOTSET")? {
        "NOTSET" | "" => format!("pads {:?}", node.ints("pads")?),
        mode => format!("auto_pad {mode}"),
    };
    Ok(is_padded(node)?.then(|| {
        format!(
            "with {pads}, the chip divides windows at the edge by their whole size instead of the part inside the input"
        )
    }))
}

/// Returns `true` if a window extends beyond the input; `auto_pad` adds the padding that keeps `ceil(size / stride)`
/// windows.
fn is_padded(node: &dyn NodeView) -> Result<bool, Unreadable> {
    match node.text("auto_pad", "NOTSET")? {
        "NOTSET" | "" => return Ok(node.ints("pads")?.iter().any(|&pad| pad != 0)),
        "VALID" => return Ok(false),
        _ => {}
    }
    let places = node.shape(0).unwrap_or_default();
    let (kernel, strides) = (node.ints("kernel_shape")?, node.ints("strides")?);
    let reaches_beyond = |(axis, (&size, &kernel)): (usize, (&usize, &i64))| {
        let (Ok(size), stride) = (i64::try_from(size), strides.get(axis).copied().unwrap_or(1).max(1)) else {
            return false;
        };
        let windows = size / stride + i64::from(size % stride > 0);
        (windows - 1).saturating_mul(stride).saturating_add(kernel) > size
    };
    Ok(places.iter().skip(2).zip(kernel).enumerate().any(reaches_beyond))
}

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

/// Returns the input's fact, the window, planes (batch * channels), and the output's shape.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, Window, usize, Vec<usize>)> {
    let x = required(call, 0, "AveragePool")?;
    expect_float(x.data_type, "AveragePool")?;
    let [batch, channels, spatial @ ..] = x.shape.as_slice() else {
        bail!("AveragePool takes an input of 3 axes or more, not {:?}", x.shape);
    };
    let Some(kernel) = spatial::kernel_shape(call, "AveragePool")? else {
        return Err(
            Error::new("AveragePool has no kernel_shape").with_help("set the attribute to one value per spatial axis")
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
