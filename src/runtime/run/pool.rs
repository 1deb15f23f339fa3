//! AveragePool, GlobalAveragePool, MaxPool.
//!
//! The average is a float product: the sum, times 2^in / area / 2^out; the area is that of the whole window, padding
//! included, and the sum is of what lies inside (`avgpool2d_hwc` in `dl_base_avg_pool2d.cpp`).
//!
//! Never: `ceil_mode`, which ESP-DL has not.

use crate::chip::QuantType;
use crate::{Result, bail};

use super::conv::{Window, window};
use super::round::{round, scale};
use super::step::Step;
use super::value::{Value, Whole};

pub fn average(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => average_of::<i8>(step),
        QuantType::S16 => average_of::<i16>(step),
        _ => average_float(step),
    }
}

pub fn max(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => max_of::<i8>(step),
        QuantType::S16 => max_of::<i16>(step),
        _ => step.unsupported(),
    }
}

fn pooled(step: &Step, input: &Value) -> Result<(Window, Vec<usize>)> {
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
    // The pooling kernels read none.
    window.dilations = [1, 1];
    let mut dims = input.dims.clone();
    dims.iter_mut()
        .skip(1)
        .zip(window.output.iter().skip(2 - kernel.len()))
        .take(kernel.len())
        .for_each(|(d, &s)| *d = s);
    Ok((window, dims))
}

/// For every output position, the places of the window that lie inside, then all channels there.
fn each<T>(input: &[T], channels: usize, window: &Window, mut visit: impl FnMut(&[&[T]])) {
    let mut places = Vec::with_capacity(window.kernel[0] * window.kernel[1]);
    for oy in 0..window.output[0] {
        for ox in 0..window.output[1] {
            places.clear();
            for ky in 0..window.kernel[0] {
                let Some(y) = window.at(0, oy, ky) else { continue };
                for kx in 0..window.kernel[1] {
                    let Some(x) = window.at(1, ox, kx) else { continue };
                    let from = (y * window.input[1] + x) * channels;
                    // In bounds: y and x are inside the input.
                    places.push(&input[from..from + channels]);
                }
            }
            visit(&places);
        }
    }
}

fn average_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let (window, dims) = pooled(step, input)?;
    let channels = input.dims.last().copied().unwrap_or(0);
    let family = step.family();
    let area = window.kernel[0] * window.kernel[1];
    // In float32 and in this order, as the source has it.
    let factor = scale(input.exponent()) * (1.0 / area as f32) * scale(-step.exponent()?);
    let mut values = Vec::with_capacity(window.output[0] * window.output[1] * channels);
    let mut sums = vec![0i32; channels];
    each(input.whole::<T>()?, channels, &window, |places| {
        sums.fill(0);
        for place in places {
            // int8 and int16 both fit an int32.
            sums.iter_mut().zip(*place).for_each(|(sum, x)| *sum = sum.wrapping_add(i32::from(x.short())));
        }
        values.extend(sums.iter().map(|&sum| T::clamp_from(round(sum as f32 * factor, family))));
    });
    step.whole(dims, values)
}

fn average_float(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let (window, dims) = pooled(step, input)?;
    let channels = input.dims.last().copied().unwrap_or(0);
    let area = window.kernel[0] * window.kernel[1];
    // A division of doubles.
    let factor = (1.0 / area as f64) as f32;
    let mut values = Vec::with_capacity(window.output[0] * window.output[1] * channels);
    let mut sums = vec![0f32; channels];
    each(input.floats()?, channels, &window, |places| {
        sums.fill(0.0);
        places.iter().for_each(|place| sums.iter_mut().zip(*place).for_each(|(sum, x)| *sum += x));
        values.extend(sums.iter().map(|sum| sum * factor));
    });
    Ok(step.floats(dims, values))
}

fn max_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let (window, dims) = pooled(step, input)?;
    let channels = input.dims.last().copied().unwrap_or(0);
    if input.exponent() != step.exponent()? {
        bail!("input exponent {} becomes {}, but the chip copies integers", input.exponent(), step.exponent()?);
    }
    let mut values: Vec<T> = Vec::with_capacity(window.output[0] * window.output[1] * channels);
    let mut empty = false;
    each(input.whole::<T>()?, channels, &window, |places| {
        empty |= places.is_empty();
        let at = |c: usize| places.iter().filter_map(|place| place.get(c)).max().copied().unwrap_or_default();
        values.extend((0..channels).map(at));
    });
    if empty {
        bail!("a window lies wholly in the padding, where the chip reads foreign memory");
    }
    step.whole(dims, values)
}
