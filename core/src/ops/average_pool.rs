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

pub(super) static OPERATOR: Operator = Operator {
    name: "AveragePool",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        axes: Axes::ChannelsLast,
        limits: &[
            &limits::spatial::RANK,
            &limits::spatial::BATCH,
            &limits::spatial::WIDE,
            &limits::pool::DILATED,
            &limits::pool::CEIL_MODE,
            &PADS,
        ],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

static PADS: Limit = Limit {
    name: "average-of-pads",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: pads,
    help: "pool with pads below the window's size, so that each window covers a part of the input",
    source: "dl_base_avg_pool2d.cpp",
};

/// The kernels divide by the whole window, also at the edges. The exporter pools the edges separately.
fn pads(node: &dyn NodeView) -> Checked {
    if node.int("count_include_pad", 0)? != 0 {
        return Ok(None);
    }
    if !node.is_written() {
        let sides = explicit_sides(node)?;
        let is_empty = |side: &Side| (0..side.outputs).any(|o| side.window(o).1 == 0);
        return Ok(sides
            .iter()
            .any(is_empty)
            .then(|| "a window lies wholly in its pads, and averages nothing".to_string()));
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

/// A spatial axis of a pool.
pub struct Side {
    /// Places of the input, without pads.
    pub size: usize,
    /// Number of windows.
    pub outputs: usize,
    /// Places of a window.
    pub kernel: usize,
    /// Places from one window to the next.
    pub stride: usize,
    /// Places before and after the input.
    pub pads: (usize, usize),
    /// Value of `count_include_pad`: set if the mean counts pads as zeros.
    pub counts_pads: bool,
}

impl Side {
    /// First place of a window, counted from the input's, and the number of places that its mean counts.
    pub fn window(&self, output: usize) -> (i64, usize) {
        let as_place = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let start = as_place(output.saturating_mul(self.stride)).saturating_sub(as_place(self.pads.0));
        let pads = if self.counts_pads { self.pads } else { (0, 0) };
        let first = start.max(as_place(pads.0).saturating_neg());
        let end = start.saturating_add(as_place(self.kernel)).min(as_place(self.size.saturating_add(pads.1)));
        (first, usize::try_from(end.saturating_sub(first)).unwrap_or(0))
    }

    /// The axis with zeros in the place of counted pads.
    pub fn padded(&self) -> Side {
        match self.counts_pads {
            true => Side { size: self.size + self.pads.0 + self.pads.1, pads: (0, 0), counts_pads: false, ..*self },
            false => Side { ..*self },
        }
    }

    /// The kernel's windows, rounded down and divided by the whole, are these.
    pub fn is_whole(&self) -> bool {
        let padded = self.size.saturating_add(self.pads.0).saturating_add(self.pads.1);
        let floored = padded.checked_sub(self.kernel).map_or(0, |room| room / self.stride.max(1) + 1);
        floored == self.outputs && (0..self.outputs).all(|output| self.window(output).1 == self.kernel)
    }
}

/// Spatial axes of a node with explicit pads; none where sizes are not known.
fn explicit_sides(node: &dyn NodeView) -> Result<Vec<Side>, Unreadable> {
    let (Some(from), Some(to)) = (node.shape(0), node.output_shape(0)) else { return Ok(Vec::new()) };
    let is_explicit = matches!(node.text("auto_pad", "NOTSET")?, "NOTSET" | "");
    let (kernel, strides, pads) = (node.ints("kernel_shape")?, node.ints("strides")?, node.ints("pads")?);
    let at = |list: &[i64], index: usize, default: usize| {
        list.get(index).map_or(default, |&value| usize::try_from(value).unwrap_or(default))
    };
    let side = |(axis, (&size, &outputs)): (usize, (&usize, &usize))| Side {
        size,
        outputs,
        kernel: at(kernel, axis, 1),
        stride: at(strides, axis, 1),
        pads: (at(pads, axis, 0), at(pads, axis + kernel.len(), 0)),
        counts_pads: false,
    };
    let sides = from.iter().zip(&to).skip(2).enumerate().map(side);
    Ok(if is_explicit { sides.collect() } else { Vec::new() })
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
