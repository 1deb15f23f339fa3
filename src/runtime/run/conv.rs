//! Conv and Gemm: ESP-DL's `conv2d` and, for every group but 1, `depthwise_conv2d`.
//!
//! ESP-DL 3.3.9 has no kernel for 8-bit filters on 16-bit inputs (W8A16). A file with them is only written with
//! `--force`; its sums are treated like those of the 16-bit kernels.
//!
//! Never: accumulators (`accumulator`), the order of stored filters (`layout`).

use crate::chip::QuantType;
use crate::espdl::layout::Filter;
use crate::kernels::integer::Shape;
use crate::kernels::window::Window;
use crate::{Result, bail};

use super::accumulator::Sums;
use super::kernel::Kernel;
use super::node_context::Step;
use super::value::{Data, QuantizedInteger};

pub fn conv(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => conv_of::<i8, i8>(step),
        QuantType::S16 => conv_of::<i16, i16>(step),
        QuantType::W8A16 => conv_of::<i16, i8>(step),
        QuantType::F32 => step.unsupported(),
    }
}

pub fn gemm(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => gemm_of::<i8, i8>(step),
        QuantType::S16 => gemm_of::<i16, i16>(step),
        QuantType::W8A16 => gemm_of::<i16, i8>(step),
        QuantType::F32 => step.unsupported(),
    }
}

/// Computes sizes from the node's attributes, for an NHWC or NWC input of one batch.
pub fn window(step: &Step, dims: &[usize], kernel: &[usize]) -> Result<Window> {
    let rank = kernel.len();
    let (batch, space) = match dims {
        [batch, w, _] if rank == 1 => (*batch, vec![*w]),
        [batch, h, w, _] if rank == 2 => (*batch, vec![*h, *w]),
        _ => bail!("{} with {rank} axes does not fit an input of shape {dims:?}", step.node.op),
    };
    if batch != 1 {
        bail!("its input has a batch of {batch}; but ESP-DL computes only the first sample");
    }
    let list = |name: &str, count: usize, default: usize| -> Result<Vec<usize>> {
        let Some(values) = step.ints(name) else { return Ok(vec![default; count]) };
        let sizes: Option<Vec<usize>> =
            values.iter().map(|&v| usize::try_from(v).ok().filter(|&v| v <= 1 << 20)).collect();
        match sizes.filter(|s| s.len() == count) {
            Some(sizes) => Ok(sizes),
            None => bail!("{name} is {values:?}, but the chip reads {count} sizes"),
        }
    };
    let (strides, dilations) = (list("strides", rank, 1)?, list("dilations", rank, 1)?);
    let pads = list("pads", 2 * rank, 0)?;
    if strides.contains(&0) || dilations.contains(&0) || kernel.contains(&0) {
        bail!("strides {strides:?}, dilations {dilations:?} and kernel {kernel:?} must be above 0");
    }
    let mut output = Vec::with_capacity(rank);
    for axis in 0..rank {
        // In bounds: all lists have `rank` entries, pads twice as many.
        let reach = dilations[axis] * (kernel[axis] - 1) + 1;
        let padded = space[axis] + pads[axis] + pads[rank + axis];
        let Some(left) = padded.checked_sub(reach) else {
            bail!("a window of {reach} does not fit its padded input of {padded}");
        };
        output.push(left / strides[axis] + 1);
    }
    let wide = |list: &[usize], first: usize| match *list {
        [h, w] => [1, h, w],
        _ => [1, first, list.first().copied().unwrap_or(first)],
    };
    // In bounds: twice as many pads as axes.
    let (before, after) = pads.split_at(rank);
    let pads = |list: &[usize]| {
        let [_, h, w] = wide(list, 0);
        [0, h, w]
    };
    Ok(Window {
        input: wide(&space, 1),
        output: wide(&output, 1),
        kernel: wide(kernel, 1),
        stride: wide(&strides, 1),
        dilation: wide(&dilations, 1),
        pad: pads(before),
        pad_end: pads(after),
    })
}

/// Reorders filters to ONNX's order, each `[H][W][C]`.
pub fn rows<T: QuantizedInteger>(
    stored: &[T],
    filters: usize,
    channels: usize,
    area: usize,
    lanes: Option<usize>,
) -> Result<Vec<i16>> {
    let shape = [filters, channels, area, 1];
    let plain = Filter { shape: &shape, grouped: false, lanes }.unpack(stored)?;
    let mut rows = Vec::with_capacity(plain.len());
    for filter in plain.chunks_exact((channels * area).max(1)) {
        for place in 0..area {
            // In bounds: a chunk holds channels x area values.
            rows.extend((0..channels).map(|c| filter[c * area + place].short()));
        }
    }
    Ok(rows)
}

/// Returns one initial sum per filter.
fn bias(step: &Step, filters: usize) -> Result<Vec<i64>> {
    let Some(fact) = step.optional(2) else { return Ok(vec![0; filters]) };
    let (values, wanted) = match (fact.constant()?.as_ref(), step.quant_type()) {
        (Data::I32(v), QuantType::S8) => (v.iter().map(|&x| x.into()).collect::<Vec<i64>>(), true),
        (Data::I64(v), QuantType::S16 | QuantType::W8A16) => (v.clone(), true),
        _ => (Vec::new(), false),
    };
    if !wanted {
        bail!("its bias is {}, but the chip reads int32 for int8 and int64 for int16", fact.data_type.name());
    }
    if values.len() != filters {
        bail!("its bias has {} values for {filters} filters", values.len());
    }
    Ok(values)
}

fn conv_of<T: QuantizedInteger, W: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let (input, weight) = (step.quantized::<T>(0)?, step.quantized::<W>(1)?);
    let grouped = step.int("group", 1) != 1;
    let (space, filters, channels) = match weight.dims.as_slice() {
        [space @ .., n, c] if grouped => (space, *n, *c),
        [space @ .., c, n] => (space, *n, *c),
        other => bail!("its filters have shape {other:?}"),
    };
    let window = window(step, &input.dims, space)?;
    let have = input.dims.last().copied().unwrap_or(0);
    let wanted = if grouped { filters } else { channels };
    if have != wanted || (grouped && channels != 1) {
        bail!("filters of shape {:?} in {} groups on {have} channels", weight.dims, step.int("group", 1));
    }
    let lanes = step.quant_type().lanes(step.family());
    let (stored, area) = (weight.constant()?.quantized::<W>()?, space.iter().product());
    let rows = if grouped {
        let shape = [filters, 1, area, 1];
        Filter { shape: &shape, grouped: true, lanes }.unpack(stored)?.iter().map(|w| w.short()).collect()
    } else {
        rows(stored, filters, channels, area, lanes)?
    };
    let mut dims = input.dims.clone();
    if let Some((last, rest)) = dims.split_last_mut() {
        *last = filters;
        rest.iter_mut().skip(1).zip(window.output.iter().skip(3 - space.len())).for_each(|(dim, &size)| *dim = size);
    }
    let shape = Shape { channels: have, filters, depthwise: grouped, window };
    let sums = Sums::new(step, &weight.exponents, filters, grouped)?;
    let conv = sums.conv::<T>(shape, &rows, &bias(step, filters)?)?;
    step.makes(dims, move |inputs| conv.run(inputs.quantized::<T>(0)?))
}

/// Shape of the product of `count` rows of `channels` inputs with every filter.
pub fn product(count: usize, channels: usize, filters: usize) -> Shape {
    let (places, one) = ([1, count, 1], [1; 3]);
    let window =
        Window { input: places, output: places, kernel: one, stride: one, dilation: one, pad: [0; 3], pad_end: [0; 3] };
    Shape { channels, filters, depthwise: false, window }
}

fn gemm_of<T: QuantizedInteger, W: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let (input, weight) = (step.quantized::<T>(0)?, step.quantized::<W>(1)?);
    let &[1, 1, channels, filters] = weight.dims.as_slice() else {
        bail!("its weights have shape {:?}, but the chip reads [1, 1, C, N]", weight.dims);
    };
    if step.int("transA", 0) != 0 || step.int("transB", 0) != 0 {
        bail!("the chip supports only transA 0 and transB 0");
    }
    if input.dims.last() != Some(&channels) || channels == 0 {
        bail!("an input of shape {:?} does not fit {channels} rows of weights", input.dims);
    }
    let lanes = step.quant_type().lanes(step.family());
    let rows = rows(weight.constant()?.quantized::<W>()?, filters, channels, 1, lanes)?;
    let shape = product(input.len() / channels, channels, filters);
    let sums = Sums::new(step, &weight.exponents, filters, false)?;
    let conv = sums.conv::<T>(shape, &rows, &bias(step, filters)?)?;
    let mut dims = input.dims.clone();
    if let Some(last) = dims.last_mut() {
        *last = filters;
    }
    step.makes(dims, move |inputs| conv.run(inputs.quantized::<T>(0)?))
}
