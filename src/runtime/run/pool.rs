//! AveragePool, GlobalAveragePool, MaxPool.
//!
//! The average is a float product: the sum, times 2^in / area / 2^out; the area is that of the whole window, padding
//! included, and the sum is over the elements inside (`avgpool2d_hwc` in `dl_base_avg_pool2d.cpp`).
//!
//! Never: `ceil_mode`, which ESP-DL does not support.

use crate::chip::QuantType;
use crate::kernels::integer::pool::{add, larger};
use crate::kernels::window::Window;
use crate::{Result, bail};

use super::conv::window;
use super::kernel::Kernel;
use super::node_context::Step;
use super::round::{round, scale};
use super::value::{Fact, QuantizedInteger};

pub fn average(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => average_of::<i8>(step),
        QuantType::S16 => average_of::<i16>(step),
        _ => average_float(step),
    }
}

pub fn max(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => max_of::<i8>(step),
        QuantType::S16 => max_of::<i16>(step),
        _ => step.unsupported(),
    }
}

fn pooled(step: &Step, input: &Fact) -> Result<(Window, Vec<usize>)> {
    let space = input.dims.get(1..input.dims.len().saturating_sub(1)).unwrap_or(&[]);
    let kernel: Vec<usize> = match step.ints("kernel_shape") {
        Some(sizes) if step.node.op != "GlobalAveragePool" => {
            let sizes: Option<Vec<usize>> =
                sizes.iter().map(|&k| usize::try_from(k).ok().filter(|&k| k <= 1 << 20)).collect();
            match sizes {
                Some(sizes) => sizes,
                None => bail!("kernel_shape has a negative size"),
            }
        }
        _ if step.node.op == "GlobalAveragePool" => space.to_vec(),
        _ => bail!("{} has no kernel_shape", step.node.op),
    };
    let mut window = window(step, &input.dims, &kernel)?;
    // The pooling kernels ignore dilations.
    window.dilation = [1; 3];
    let mut dims = input.dims.clone();
    dims.iter_mut()
        .skip(1)
        .zip(window.output.iter().skip(3 - kernel.len()))
        .take(kernel.len())
        .for_each(|(d, &s)| *d = s);
    Ok((window, dims))
}

/// Visits every output position with the positions of its window that are inside, and all channels there.
fn each<T>(input: &[T], channels: usize, w: &Window, mut visit: impl FnMut(&[&[T]])) {
    let mut places = Vec::with_capacity(w.taps());
    for oy in 0..w.output[1] {
        for ox in 0..w.output[2] {
            places.clear();
            for ky in w.taps_inside(1, oy) {
                // Not negative: the taps are inside the input.
                let row = w.position(1, oy, ky) as usize * w.input[2];
                for kx in w.taps_inside(2, ox) {
                    let from = (row + w.position(2, ox, kx) as usize) * channels;
                    // In bounds: the tap is inside the input.
                    places.push(&input[from..from + channels]);
                }
            }
            visit(&places);
        }
    }
}

fn average_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let input = step.quantized::<T>(0)?;
    let (window, dims) = pooled(step, input)?;
    let channels = input.dims.last().copied().unwrap_or(0);
    let family = step.family();
    // In float32 and in this order, as in the source.
    let factor = scale(input.exponent())? * (1.0 / window.taps() as f32) * scale(-step.exponent()?)?;
    step.makes(dims, move |inputs| {
        let mut values = Vec::with_capacity(window.outputs() * channels);
        let mut sums = vec![0i32; channels];
        each(inputs.quantized::<T>(0)?, channels, &window, |places| {
            sums.fill(0);
            // int8 and int16 both fit an int32.
            places.iter().for_each(|place| add(&mut sums, place));
            values.extend(sums.iter().map(|&sum| T::clamp_from(round(sum as f32 * factor, family))));
        });
        Ok(values)
    })
}

fn average_float(step: &Step) -> Result<Kernel> {
    let input = step.floats(0)?;
    let (window, dims) = pooled(step, input)?;
    let channels = input.dims.last().copied().unwrap_or(0);
    // Division of doubles.
    let factor = (1.0 / window.taps() as f64) as f32;
    Ok(step.makes_floats(dims, move |inputs| {
        let mut values = Vec::with_capacity(window.outputs() * channels);
        let mut sums = vec![0f32; channels];
        each(inputs.floats(0)?, channels, &window, |places| {
            sums.fill(0.0);
            places.iter().for_each(|place| sums.iter_mut().zip(*place).for_each(|(sum, x)| *sum += x));
            values.extend(sums.iter().map(|sum| sum * factor));
        });
        Ok(values)
    }))
}

fn max_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let input = step.quantized::<T>(0)?;
    let (window, dims) = pooled(step, input)?;
    let channels = input.dims.last().copied().unwrap_or(0);
    if input.exponent() != step.exponent()? {
        bail!(
            "input exponent {} becomes {}, but the chip copies integers unscaled",
            input.exponent(),
            step.exponent()?
        );
    }
    let is_empty = |axis: usize| (0..window.output[axis]).any(|o| window.taps_inside(axis, o).is_empty());
    if is_empty(1) || is_empty(2) {
        bail!("a window is completely in the padding, where the chip reads out of bounds");
    }
    step.makes(dims, move |inputs| {
        let mut values: Vec<T> = Vec::with_capacity(window.outputs() * channels);
        each(inputs.quantized::<T>(0)?, channels, &window, |places| {
            let start = values.len();
            // Windows are never empty.
            let Some((first, others)) = places.split_first() else { return };
            values.extend_from_slice(first);
            others.iter().for_each(|place| larger(&mut values[start..], place));
        });
        Ok(values)
    })
}
