//! Conv: sums of a sliding window's products. <https://onnx.ai/onnx/operators/onnx__Conv.html>

use std::marker::PhantomData;

use super::limits;
use super::operands::{checked_len, constant, elements, exactly, expect_float, optional, required};
use super::spatial::{self, Ends};
use super::{Call, Fact, Kernel, Operator, Treatment, Weights};
use crate::chip::{Axes, Checked, Chip, Effect, Family, Kernels, Limit, NodeView, Support};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::conv::{Conv as Packed, ConvShape};
use crate::kernels::real::Real;
use crate::{Error, Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Conv",
    treatment: Treatment { weights: Weights::ByChannel(|_| 0), ..Treatment::COMPUTING },
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        axes: Axes::ChannelsLast,
        packs_weights: true,
        fuses: &["Relu"],
        limits: &[
            &limits::spatial::RANK,
            &limits::spatial::BATCH,
            &limits::spatial::WIDE,
            &limits::spatial::POINTWISE,
            &GROUPS,
            &limits::exponents::SHIFT,
        ],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

pub static GROUPS: Limit = Limit {
    name: "grouped-convolution",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: groups,
    help: "make weights and bias constant: the exporter then writes the groups as Convs between Split and Concat, or as one \
           dense Conv",
    source: "dl_module_conv.hpp",
};

/// The exporter writes constant weights otherwise.
fn groups(node: &dyn NodeView) -> Checked {
    let is_constant = |port| node.input(port).is_none() || node.is_constant(port);
    if !node.is_written() && is_constant(1) && is_constant(2) {
        return Ok(None);
    }
    let (group, weights) = (node.int("group", 1)?, node.shape(1).unwrap_or_default());
    let (true, &[filters, channels, ..]) = (group != 1, weights.as_slice()) else { return Ok(None) };
    let depthwise = channels == 1 && i64::try_from(filters) == Ok(group);
    Ok((!depthwise).then(|| {
        format!("{filters} filters of {channels} channels in {group} groups would run as depthwise, and wrong")
    }))
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (x, _, y_shape) = shapes(call)?;
    Ok(vec![Fact::new(x.data_type, y_shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    match shapes(call)?.0.data_type {
        DataType::F64 => build::<f64>(call),
        _ => build::<f32>(call),
    }
}

/// Returns the input's fact, the sizes, and the output's shape.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, ConvShape, Vec<usize>)> {
    let (x, w) = (required(call, 0, "Conv")?, required(call, 1, "Conv")?);
    expect_float(x.data_type, "Conv")?;
    let ([batch, channels, spatial @ ..], [outputs, group_inputs, kernel @ ..]) =
        (x.shape.as_slice(), w.shape.as_slice())
    else {
        bail!("Conv takes an input and weights of 3 axes or more, not {:?} and {:?}", x.shape, w.shape);
    };
    if let Some(written) = spatial::kernel_shape(call, "Conv")?
        && written != kernel
    {
        bail!("Conv has kernel_shape {written:?} and weights of shape {:?}", w.shape);
    }
    let groups = call.attributes.int_or("group", 1);
    let groups = usize::try_from(groups).ok().filter(|&g| g > 0 && outputs % g == 0);
    let Some(groups) = groups.filter(|&g| group_inputs.checked_mul(g) == Some(*channels)) else {
        return Err(Error::new(format!(
            "Conv has weights of shape {:?} and group {} for {channels} input channels",
            w.shape,
            call.attributes.int_or("group", 1)
        ))
        .with_help("weights are [outputs, channels / group, ...], with outputs a multiple of group"));
    };
    if let Some(bias) = optional(call, 2)
        && bias.shape != [*outputs]
    {
        bail!("Conv has a bias of shape {:?} for {outputs} output channels", bias.shape);
    }
    let window = spatial::window(call, "Conv", spatial, kernel, Ends::Floor)?;
    let y_shape = [&[*batch, *outputs], &window.output[3 - spatial.len()..]].concat();
    for shape in [&x.shape, &w.shape, &y_shape] {
        checked_len(shape)?;
    }
    let shape =
        ConvShape { batch: *batch, groups, group_inputs: *group_inputs, group_outputs: outputs / groups, window };
    Ok((x, shape, y_shape))
}

fn build<T: Real + Element>(call: &Call) -> Result<Box<dyn Kernel>> {
    let (_, shape, y_shape) = shapes(call)?;
    let packed = call.inputs[1].as_ref().and_then(constant::<T>).map(|w| Packed::new(shape.clone(), w)).transpose()?;
    Ok(Box::new(Conv { shape, y_shape, packed, real: PhantomData::<T> }))
}

struct Conv<T> {
    shape: ConvShape,
    y_shape: Vec<usize>,
    /// Packed weights, if they are constant.
    packed: Option<Packed<T>>,
    real: PhantomData<T>,
}

impl<T: Real + Element> Conv<T> {
    fn compute(&self, inputs: &[Option<Tensor>], range: Option<(f32, f32)>) -> Result<Vec<Tensor>> {
        let s = &self.shape;
        let outputs = s.groups * s.group_outputs;
        let x = exactly::<T>(inputs, 0, s.batch * s.groups * s.group_inputs * s.window.inputs())?;
        let bias = match elements::<T>(inputs, 2)? {
            Some(_) => Some(exactly::<T>(inputs, 2, outputs)?),
            None => None,
        };
        let range = range.map(|(low, high)| (T::from_f32(low), T::from_f32(high)));
        let y = match &self.packed {
            Some(packed) => packed.run(x, bias, range)?,
            None => {
                let w = exactly::<T>(inputs, 1, outputs * s.group_inputs * s.window.taps())?;
                Packed::new(s.clone(), w)?.run(x, bias, range)?
            }
        };
        Ok(vec![Tensor::new(&self.y_shape, y)?])
    }
}

impl<T: Real + Element> Kernel for Conv<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        self.compute(&inputs, None)
    }

    fn reads(&self, port: usize) -> bool {
        port != 1 || self.packed.is_none()
    }

    fn can_clamp(&self) -> bool {
        true
    }

    fn run_clamped(&self, inputs: Vec<Option<Tensor>>, low: f32, high: f32) -> Result<Vec<Tensor>> {
        self.compute(&inputs, Some((low, high)))
    }
}
