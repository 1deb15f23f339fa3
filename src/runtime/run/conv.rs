//! Conv and Gemm: ESP-DL's `conv2d` and, for every group but 1, `depthwise_conv2d`.
//!
//! ESP-DL 3.3.9 has no kernel for 8-bit filters on 16-bit inputs (W8A16). A file of them is written by force only; its sums
//! end as those of the 16-bit kernels do.
//!
//! Never: how sums end (`accumulator`), nor how filters are stored (`layout`).

use crate::chip::QuantType;
use crate::espdl::layout::Filter;
use crate::kernels::whole::{dot_narrow, dot_wide};
use crate::{Result, bail};

use super::accumulator::{Output, end};
use super::step::Step;
use super::value::{Data, Value, Whole};

pub fn conv(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => conv_of::<i8, i8>(step),
        QuantType::S16 => conv_of::<i16, i16>(step),
        QuantType::W8A16 => conv_of::<i16, i8>(step),
        QuantType::F32 => step.unsupported(),
    }
}

pub fn gemm(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => gemm_of::<i8, i8>(step),
        QuantType::S16 => gemm_of::<i16, i16>(step),
        QuantType::W8A16 => gemm_of::<i16, i8>(step),
        QuantType::F32 => step.unsupported(),
    }
}

/// Along height and width; a 1-D convolution has height 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub input: [usize; 2],
    pub output: [usize; 2],
    pub kernel: [usize; 2],
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
    /// Before the first row and column; what follows the last follows from the output.
    pub pads: [usize; 2],
}

impl Window {
    /// The input's row (axis 0) or column (axis 1) under tap `k` of output `o`.
    pub fn at(&self, axis: usize, o: usize, k: usize) -> Option<usize> {
        // Axes are 0 and 1 by the callers.
        let place = o * self.strides[axis] + k * self.dilations[axis];
        place.checked_sub(self.pads[axis]).filter(|&p| p < self.input[axis])
    }
}

/// Sizes from the node's attributes, for an NHWC or NWC input of one batch.
pub fn window(step: &Step, dims: &[usize], kernel: &[usize]) -> Result<Window> {
    let rank = kernel.len();
    let (batch, space) = match dims {
        [batch, w, _] if rank == 1 => (*batch, vec![*w]),
        [batch, h, w, _] if rank == 2 => (*batch, vec![*h, *w]),
        _ => bail!("{} with {rank} axes does not fit an input of shape {dims:?}", step.node.op),
    };
    if batch != 1 {
        bail!("its input has a batch of {batch}; ESP-DL computes the first only");
    }
    let list = |name: &str, count: usize, default: usize| -> Result<Vec<usize>> {
        let Some(values) = step.ints(name) else { return Ok(vec![default; count]) };
        let sizes: Option<Vec<usize>> =
            values.iter().map(|&v| usize::try_from(v).ok().filter(|&v| v <= 1 << 20)).collect();
        match sizes.filter(|s| s.len() == count) {
            Some(sizes) => Ok(sizes),
            None => bail!("{name} is {values:?}, {count} sizes are read"),
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
            bail!("a window of {reach} does not fit the {padded} places of its input");
        };
        output.push(left / strides[axis] + 1);
    }
    let wide = |list: &[usize], first: usize| match *list {
        [h, w] => [h, w],
        _ => [first, list.first().copied().unwrap_or(first)],
    };
    Ok(Window {
        input: wide(&space, 1),
        output: wide(&output, 1),
        kernel: wide(kernel, 1),
        strides: wide(&strides, 1),
        dilations: wide(&dilations, 1),
        pads: wide(pads.get(..rank).unwrap_or(&pads), 0),
    })
}

/// Filters in ONNX's order of filters, each `[H][W][C]`.
pub fn rows<T: Whole>(
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

/// One sum a filter.
pub fn bias(step: &Step, filters: usize) -> Result<Vec<i64>> {
    let Some(value) = step.optional(2) else { return Ok(vec![0; filters]) };
    let (values, wanted) = match (&value.data, step.quant_type()) {
        (Data::I32(v), QuantType::S8) => (v.iter().map(|&x| x.into()).collect::<Vec<i64>>(), true),
        (Data::I64(v), QuantType::S16 | QuantType::W8A16) => (v.clone(), true),
        _ => (Vec::new(), false),
    };
    if !wanted {
        bail!("its bias is {}, the chip reads int32 beside int8 and int64 beside int16", value.data.data_type().name());
    }
    if values.len() != filters {
        bail!("its bias has {} values for {filters} filters", values.len());
    }
    Ok(values)
}

fn conv_of<T: Whole, W: Whole>(step: &Step) -> Result<Vec<Value>> {
    let (input, weight) = (step.input(0)?, step.input(1)?);
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
    let output =
        Output::new(step.family(), step.relu()?, input.exponent(), &weight.exponents, step.exponent()?, filters)?;
    let bias = bias(step, filters)?;
    let lanes = step.quant_type().lanes(step.family());
    let area = space.iter().product();
    let values = if grouped {
        let shape = [filters, 1, area, 1];
        let plain = Filter { shape: &shape, grouped: true, lanes }.unpack(weight.whole::<W>()?)?;
        depthwise(input.whole::<T>()?, &plain, &bias, &window, &output)
    } else {
        let rows = rows(weight.whole::<W>()?, filters, channels, area, lanes)?;
        let dense = Dense { rows: &rows, bias: &bias, lanes, output: &output };
        dense_conv(input.whole::<T>()?, channels, &window, &dense)
    };
    let mut dims = input.dims.clone();
    if let Some((last, rest)) = dims.split_last_mut() {
        *last = filters;
        rest.iter_mut().skip(1).zip(window.output.iter().skip(2 - space.len())).for_each(|(dim, &size)| *dim = size);
    }
    step.whole(dims, values)
}

/// What every position is multiplied by.
pub struct Dense<'a> {
    /// Filters one after the other.
    pub rows: &'a [i16],
    pub bias: &'a [i64],
    pub lanes: Option<usize>,
    pub output: &'a Output,
}

impl Dense<'_> {
    /// All filters on one patch.
    pub fn apply<T: Whole>(&self, patch: &[i16], risky: &[bool], to: &mut Vec<T>) {
        let filters = self.bias.len();
        let full = self.lanes.map_or(filters, |a| filters / a * a);
        let rows = self.rows.chunks_exact(patch.len().max(1));
        for (n, ((row, &bias), &risky)) in rows.zip(self.bias).zip(risky).enumerate() {
            let end = end::<T>(self.output.family, n < full);
            let sum = if risky {
                end.walk(bias, row.iter().zip(patch).map(|(&w, &x)| i64::from(i32::from(w) * i32::from(x))))
            } else if T::BITS == 8 {
                end.add(end.load(bias), dot_narrow(row, patch).into())
            } else {
                end.add(end.load(bias), dot_wide(row, patch))
            };
            to.push(self.output.finish(sum, n));
        }
    }

    /// Which filters can reach their accumulator's end when inputs go up to `most`.
    pub fn risky<T: Whole>(&self, length: usize, most: i64) -> Vec<bool> {
        let filters = self.bias.len();
        let full = self.lanes.map_or(filters, |a| filters / a * a);
        let weights = self.rows.chunks_exact(length.max(1));
        weights
            .zip(self.bias)
            .enumerate()
            .map(|(n, (row, bias))| {
                let sum: i64 = row.iter().map(|w| i64::from(w.unsigned_abs())).sum();
                let most = sum.saturating_mul(most).saturating_add(bias.saturating_abs());
                // Narrow dot products are exact below 2^31 only.
                end::<T>(self.output.family, n < full).reached(most) || (T::BITS == 8 && most >= 1 << 31)
            })
            .collect()
    }
}

pub fn largest<T: Whole>(values: &[T]) -> i64 {
    values.iter().map(|v| v.wide().abs()).max().unwrap_or(0)
}

fn dense_conv<T: Whole>(input: &[T], channels: usize, window: &Window, dense: &Dense) -> Vec<T> {
    let [kh, kw] = window.kernel;
    let length = kh * kw * channels;
    let risky = dense.risky::<T>(length, largest(input));
    let mut patch = vec![0i16; length];
    let mut values = Vec::with_capacity(window.output[0] * window.output[1] * dense.bias.len());
    for oy in 0..window.output[0] {
        for ox in 0..window.output[1] {
            for (tap, to) in patch.chunks_exact_mut(channels.max(1)).enumerate() {
                // A tap in the padding adds nothing.
                match (window.at(0, oy, tap / kw), window.at(1, ox, tap % kw)) {
                    (Some(y), Some(x)) => {
                        let from = (y * window.input[1] + x) * channels;
                        // In bounds: y and x are inside the input.
                        let from = &input[from..from + channels];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.short());
                    }
                    _ => to.fill(0),
                }
            }
            dense.apply(&patch, &risky, &mut values);
        }
    }
    values
}

/// `filters`: for each channel `[H][W]`.
fn depthwise<T: Whole, W: Whole>(input: &[T], filters: &[W], bias: &[i64], window: &Window, output: &Output) -> Vec<T> {
    let (channels, area) = (bias.len(), window.kernel[0] * window.kernel[1]);
    // Depthwise kernels work in lanes whatever the number of channels.
    let end = end::<T>(output.family, true);
    let most = largest(input);
    let risky: Vec<bool> = (filters.chunks_exact(area.max(1)).zip(bias))
        .map(|(taps, bias)| {
            let sum: i64 = taps.iter().map(|w| w.wide().abs()).sum();
            end.reached(sum.saturating_mul(most).saturating_add(bias.saturating_abs()))
        })
        .collect();
    let risky = risky.contains(&true);
    // Taps outermost: all channels of a tap lie side by side.
    let mut taps = vec![0i64; channels * area];
    for (c, filter) in filters.chunks_exact(area.max(1)).enumerate() {
        filter.iter().enumerate().for_each(|(t, w)| taps[t * channels + c] = w.wide());
    }
    let start: Vec<i64> = bias.iter().map(|&b| end.load(b)).collect();
    let mut sums = vec![0i64; channels];
    let mut values = Vec::with_capacity(window.output[0] * window.output[1] * channels);
    for oy in 0..window.output[0] {
        for ox in 0..window.output[1] {
            sums.copy_from_slice(&start);
            for (tap, weights) in taps.chunks_exact(channels.max(1)).enumerate() {
                let (ky, kx) = (tap / window.kernel[1], tap % window.kernel[1]);
                let (Some(y), Some(x)) = (window.at(0, oy, ky), window.at(1, ox, kx)) else { continue };
                let from = (y * window.input[1] + x) * channels;
                // In bounds: y and x are inside the input.
                let terms = weights.iter().zip(&input[from..from + channels]).map(|(w, x)| w * x.wide());
                if risky {
                    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = end.add(*sum, term));
                } else {
                    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                }
            }
            values.extend(sums.iter().enumerate().map(|(c, &sum)| output.finish::<T>(end.add(sum, 0), c)));
        }
    }
    values
}

fn gemm_of<T: Whole, W: Whole>(step: &Step) -> Result<Vec<Value>> {
    let (input, weight) = (step.input(0)?, step.input(1)?);
    let &[1, 1, channels, filters] = weight.dims.as_slice() else {
        bail!("its weights have shape {:?}, the chip reads [1, 1, C, N]", weight.dims);
    };
    if step.int("transA", 0) != 0 || step.int("transB", 0) != 0 {
        bail!("the chip reads transA 0 and transB 0 only");
    }
    if input.dims.last() != Some(&channels) {
        bail!("an input of shape {:?} does not fit {channels} rows of weights", input.dims);
    }
    let output =
        Output::new(step.family(), step.relu()?, input.exponent(), &weight.exponents, step.exponent()?, filters)?;
    let bias = bias(step, filters)?;
    let lanes = step.quant_type().lanes(step.family());
    let rows = rows(weight.whole::<W>()?, filters, channels, 1, lanes)?;
    let dense = Dense { rows: &rows, bias: &bias, lanes, output: &output };
    let values = products(input.whole::<T>()?, channels, &dense);
    let mut dims = input.dims.clone();
    if let Some(last) = dims.last_mut() {
        *last = filters;
    }
    step.whole(dims, values)
}

/// Every row of `channels` inputs by every filter.
pub fn products<T: Whole>(input: &[T], channels: usize, dense: &Dense) -> Vec<T> {
    let risky = dense.risky::<T>(channels, largest(input));
    let mut values = Vec::new();
    let short: Vec<i16> = input.iter().map(|x| x.short()).collect();
    short.chunks_exact(channels.max(1)).for_each(|row| dense.apply(row, &risky, &mut values));
    values
}
