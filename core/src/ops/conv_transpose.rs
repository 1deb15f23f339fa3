//! ConvTranspose: the gradient of Conv, used to enlarge.
//! <https://onnx.ai/onnx/operators/onnx__ConvTranspose.html>

use std::marker::PhantomData;

use super::operands::{checked_len, elements, exactly, expect_float, optional, required};
use super::spatial::{self, Pads, Steps};
use super::{Call, Fact, Kernel, Operator, Treatment, Weights};
use crate::chip::{Axes, Checked, Chip, Effect, Family, Kernels, Limit, NodeView, Support};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::conv::ConvShape;
use crate::kernels::real::Real;
use crate::kernels::transposed::conv_transpose;
use crate::kernels::window::Window;
use crate::{Error, Result, bail};

pub(super) static OPERATOR: Operator = Operator {
    name: "ConvTranspose",
    treatment: Treatment { weights: Weights::ByChannel(|_| 1), ..Treatment::COMPUTING },
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        written_as: Some("InsertZeros and Conv"),
        axes: Axes::ChannelsLast,
        limits: &[&DECOMPOSED],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

/// ConvTranspose that simplification cannot replace by InsertZeros and Conv.
pub static DECOMPOSED: Limit = Limit {
    name: "transposed-convolution",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: decomposed,
    help: "make the weights constant, or enlarge with Resize and a Conv behind it",
    source: "dl_module_creator.hpp",
};

fn decomposed(node: &dyn NodeView) -> Checked {
    let reason = if node.is_constant(1) { "its weights are not float32" } else { "its weights are computed" };
    Ok(Some(format!("ConvTranspose is replaced by InsertZeros and Conv, which is not possible here: {reason}")))
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (x, _, y_shape) = shapes(call)?;
    Ok(vec![Fact::new(x.data_type, y_shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let (x, shape, y_shape) = shapes(call)?;
    Ok(match x.data_type {
        DataType::F64 => Box::new(ConvTranspose { shape, y_shape, real: PhantomData::<f64> }),
        _ => Box::new(ConvTranspose { shape, y_shape, real: PhantomData::<f32> }),
    })
}

/// Returns the input's fact, the sizes of the convolution that is transposed, and the output's shape.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, ConvShape, Vec<usize>)> {
    let (x, w) = (required(call, 0, "ConvTranspose")?, required(call, 1, "ConvTranspose")?);
    expect_float(x.data_type, "ConvTranspose")?;
    let ([batch, channels, spatial @ ..], [inputs, group_outputs, kernel @ ..]) =
        (x.shape.as_slice(), w.shape.as_slice())
    else {
        bail!("ConvTranspose takes an input and weights of 3 axes or more, not {:?} and {:?}", x.shape, w.shape);
    };
    let groups = call.attributes.int_or("group", 1);
    let Some(groups) = usize::try_from(groups).ok().filter(|&g| g > 0 && inputs == channels && channels % g == 0)
    else {
        return Err(Error::new(format!(
            "ConvTranspose has weights of shape {:?} and group {groups} for {channels} input channels",
            w.shape
        ))
        .with_help("weights are [channels, outputs / group, ...], with channels a multiple of group"));
    };
    let Some(outputs) = groups.checked_mul(*group_outputs) else {
        bail!("ConvTranspose has {group_outputs} outputs in each of {groups} groups, too many to count");
    };
    if let Some(written) = spatial::kernel_shape(call, "ConvTranspose")?
        && written != kernel
    {
        bail!("ConvTranspose has kernel_shape {written:?} and weights of shape {:?}", w.shape);
    }
    if let Some(bias) = optional(call, 2)
        && bias.shape != [outputs]
    {
        bail!("ConvTranspose has a bias of shape {:?} for {outputs} output channels", bias.shape);
    }
    let window = window(call, spatial, kernel)?;
    let y_shape = [&[*batch, outputs], &window.input[3 - spatial.len()..]].concat();
    for shape in [&x.shape, &w.shape, &y_shape] {
        checked_len(shape)?;
    }
    // Size of the kernel's unrolled form: one window's products for every input element.
    checked_len(&[&[*group_outputs], kernel, spatial].concat())?;
    let shape =
        ConvShape { batch: *batch, groups, group_inputs: *group_outputs, group_outputs: channels / groups, window };
    Ok((x, shape, y_shape))
}

/// ConvTranspose as InsertZeros and a Conv of stride 1 whose filter is rotated by 180 degrees.
pub struct AsConv {
    /// Strides of InsertZeros, by spatial axis; all 1, with no zeros at the end, if none are inserted.
    pub strides: Vec<usize>,
    /// Zeros that InsertZeros adds after the last place, by spatial axis.
    pub output_padding: Vec<usize>,
    /// Sizes after InsertZeros.
    pub spread: Vec<usize>,
    /// Padding of the Conv. Negative padding is cut from its input.
    pub begins: Vec<i64>,
    /// Padding after the last place, like `begins`.
    pub ends: Vec<i64>,
    /// Dilations of the Conv, by spatial axis: those of the ConvTranspose.
    pub dilations: Vec<usize>,
    /// Groups of the Conv: those of the ConvTranspose.
    pub groups: usize,
}

/// Computes the equivalent InsertZeros and Conv. esp-ppq (`decompose_convtranspose` of `IR/morph.py`) uses the padding
/// of an undilated filter, and ignores `auto_pad` and `output_shape`.
pub fn as_conv(call: &Call) -> Result<AsConv> {
    let (x, shape, _) = shapes(call)?;
    let rank = x.shape.len() - 2;
    let axes = 3 - rank..3;
    let w = &shape.window;
    let strides = w.stride[axes.clone()].to_vec();
    let inserts = strides.iter().any(|&s| s != 1);
    let behind = spatial::sizes(call, "ConvTranspose", "output_padding", rank)?
        .filter(|_| inserts)
        .unwrap_or_else(|| vec![0; rank]);
    let reach = |axis: usize| (w.dilation[axis] * (w.kernel[axis] - 1)) as i64;
    let begins: Vec<i64> = axes.clone().map(|axis| reach(axis) - w.pad[axis] as i64).collect();
    let size = |(i, axis): (usize, usize)| (w.output[axis] - 1) * w.stride[axis] + 1 + behind[i];
    let spread: Vec<usize> = axes.clone().enumerate().map(size).collect();
    let end = |(i, axis): (usize, usize)| w.input[axis] as i64 + reach(axis) - spread[i] as i64 - begins[i];
    let (ends, dilations) = (axes.clone().enumerate().map(end).collect(), w.dilation[axes].to_vec());
    Ok(AsConv { strides, output_padding: behind, spread, begins, ends, dilations, groups: shape.groups })
}

/// Converts a filter [inputs, outputs / groups, ...] to [outputs, inputs / groups, ...], rotated by 180 degrees.
pub fn turned(filter: &Tensor, groups: usize) -> Option<Tensor> {
    let [inputs, group_outputs, spatial @ ..] = filter.shape() else { return None };
    let (values, taps) = (filter.slice::<f32>()?, spatial.iter().product::<usize>());
    let group_inputs = inputs / groups;
    let mut turned = Vec::<f32>::with_capacity(values.len());
    for output in 0..groups * group_outputs {
        let (group, output) = (output / group_outputs, output % group_outputs);
        for input in group * group_inputs..(group + 1) * group_inputs {
            let from = (input * group_outputs + output) * taps;
            turned.extend(values[from..from + taps].iter().rev());
        }
    }
    Tensor::new(&[&[groups * group_outputs, group_inputs], spatial].concat(), turned).ok()
}

/// Returns the window of the convolution that is transposed: its output is `spatial`.
fn window(call: &Call, spatial: &[usize], kernel: &[usize]) -> Result<Window> {
    let axes = spatial::axes(spatial.len(), "ConvTranspose")?;
    if kernel.len() != spatial.len() {
        bail!("ConvTranspose has a kernel of {} axes for {} spatial axes", kernel.len(), spatial.len());
    }
    let steps = Steps::read(call, "ConvTranspose", spatial.len())?;
    let extra = spatial::sizes(call, "ConvTranspose", "output_padding", spatial.len())?
        .unwrap_or_else(|| vec![0; spatial.len()]);
    let wanted = spatial::sizes(call, "ConvTranspose", "output_shape", spatial.len())?;
    let mut w = Window {
        input: [1; 3],
        output: [1; 3],
        kernel: [1; 3],
        stride: [1; 3],
        dilation: [1; 3],
        pad: [0; 3],
        pad_end: [0; 3],
    };
    for (i, axis) in axes.enumerate() {
        let extent = spatial::extent("ConvTranspose", kernel[i], steps.dilations[i])?;
        let stride = steps.strides[i];
        // Size before cropping by pads: stride * (input - 1) + output_padding + extent.
        let Some(full) = spatial[i]
            .checked_sub(1)
            .and_then(|n| n.checked_mul(stride))
            .and_then(|n| n.checked_add(extra[i] + extent))
            .filter(|&n| n <= isize::MAX as usize / 2)
        else {
            bail!("ConvTranspose has an input of {} along spatial axis {i} and stride {stride}", spatial[i]);
        };
        let (begin, size) = match (&wanted, &steps.pads) {
            (Some(wanted), pads) => {
                let total = full.saturating_sub(wanted[i]);
                let begin = if matches!(pads, Pads::Same { lower: false }) { total / 2 } else { total - total / 2 };
                (begin, wanted[i])
            }
            (None, Pads::Same { lower }) => {
                let size = spatial[i].saturating_mul(stride);
                let total = full.saturating_sub(size);
                (if *lower { total - total / 2 } else { total / 2 }, size)
            }
            (None, Pads::Explicit(pads)) => {
                let Some(size) = full.checked_sub(pads[i] + pads[i + spatial.len()]) else {
                    bail!("ConvTranspose has pads that crop all {full} elements of spatial axis {i}");
                };
                (pads[i], size)
            }
        };
        (w.input[axis], w.output[axis], w.kernel[axis]) = (size, spatial[i], kernel[i]);
        (w.stride[axis], w.dilation[axis], w.pad[axis]) = (stride, steps.dilations[i], begin);
    }
    Ok(w)
}

struct ConvTranspose<T> {
    shape: ConvShape,
    y_shape: Vec<usize>,
    real: PhantomData<T>,
}

impl<T: Real + Element> ConvTranspose<T> {
    fn compute(&self, inputs: &[Option<Tensor>], range: Option<(f32, f32)>) -> Result<Vec<Tensor>> {
        let s = &self.shape;
        let channels = s.groups * s.group_outputs;
        let x = exactly::<T>(inputs, 0, s.batch * channels * s.window.outputs())?;
        let w = exactly::<T>(inputs, 1, channels * s.group_inputs * s.window.taps())?;
        let bias = match elements::<T>(inputs, 2)? {
            Some(_) => Some(exactly::<T>(inputs, 2, s.groups * s.group_inputs)?),
            None => None,
        };
        let range = range.map(|(low, high)| (T::from_f32(low), T::from_f32(high)));
        let y = conv_transpose(s, w, x, bias, range)?;
        Ok(vec![Tensor::new(&self.y_shape, y)?])
    }
}

impl<T: Real + Element> Kernel for ConvTranspose<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        self.compute(&inputs, None)
    }

    fn can_clamp(&self) -> bool {
        true
    }

    fn run_clamped(&self, inputs: Vec<Option<Tensor>>, low: f32, high: f32) -> Result<Vec<Tensor>> {
        self.compute(&inputs, Some((low, high)))
    }
}
