//! Resize: nearest (asymmetric, floor) and linear (half_pixel or align_corners), along height and width
//! (`dl_base_resize.cpp`). At int16 the chip's function is empty.
//!
//! Never: cubic.

use crate::chip::Family;
use crate::chip::QuantType;
use crate::{Error, Result, bail};

use super::round::{round, scale};
use super::step::Step;
use super::value::Value;

pub fn resize(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    match step.quant_type() {
        QuantType::S8 => {}
        QuantType::S16 => {
            return Err(Error::new("Resize at int16 is an empty function in ESP-DL 3.3.9: its output stays zero")
                .with_help("give the layer int8"));
        }
        _ => return step.unsupported(),
    }
    let (size, channels) = match *input.dims.as_slice() {
        [1, w, c] => ([1, w], c),
        [1, h, w, c] => ([h, w], c),
        _ => bail!("its input has shape {:?}, the chip reads [1, W, C] or [1, H, W, C]", input.dims),
    };
    let plain = input.dims.len() == 3;
    let (scales, out) = match (step.optional(3).filter(|v| v.data.len() > 0), step.optional(2)) {
        (Some(sizes), _) => by_sizes(&sizes.integers()?, size, plain)?,
        (None, Some(scales)) => by_scales(scales.floats()?, size, plain)?,
        (None, None) => bail!("it has neither scales nor sizes"),
    };
    if size.contains(&0) {
        bail!("its input of shape {:?} is empty", input.dims);
    }
    let grid = Grid { size, out, channels, plain, family: step.family() };
    let (from, to) = (input.exponent(), step.exponent()?);
    let values = input.whole::<i8>()?;
    let values = match step.node.text("mode") {
        Some("nearest") => nearest(values, &grid, scales, from, to)?,
        Some("linear") => {
            let align = step.node.text("coordinate_transformation_mode") == Some("align_corners");
            linear(values, &grid, scales, align, from, to)?
        }
        other => bail!("the chip has no mode {}", other.unwrap_or("without a name")),
    };
    let mut dims = input.dims.clone();
    dims.iter_mut()
        .skip(1)
        .zip(out.iter().skip(usize::from(plain)))
        .take(2 - usize::from(plain))
        .for_each(|(d, &s)| *d = s);
    step.whole(dims, values)
}

#[derive(Debug, Clone, Copy)]
struct Grid {
    size: [usize; 2],
    out: [usize; 2],
    channels: usize,
    /// One row that has no height: it is not interpolated over.
    plain: bool,
    family: Family,
}

type Sized = ([f32; 2], [usize; 2]);

/// Sizes come in ONNX's order: N, C, then H and W, or W.
fn by_sizes(sizes: &[i64], size: [usize; 2], plain: bool) -> Result<Sized> {
    let space = match (sizes, plain) {
        ([_, _, w], true) => [1, *w],
        ([_, _, h, w], false) => [*h, *w],
        _ => bail!("its sizes {sizes:?} do not fit its input"),
    };
    match space.map(|s| usize::try_from(s).ok().filter(|s| (1..=1 << 20).contains(s))) {
        [Some(h), Some(w)] => Ok(([h as f32 / size[0] as f32, w as f32 / size[1] as f32], [h, w])),
        _ => bail!("its sizes {sizes:?} are none that a tensor has"),
    }
}

fn by_scales(scales: &[f32], size: [usize; 2], plain: bool) -> Result<Sized> {
    let space = match (scales, plain) {
        ([_, _, w], true) => [1.0, *w],
        ([_, _, h, w], false) => [*h, *w],
        _ => bail!("its scales {scales:?} do not fit its input"),
    };
    let out = [0, 1].map(|i| (size[i] as f32 * space[i]) as usize);
    if out.iter().any(|s| !(1..=1 << 20).contains(s)) {
        bail!("its scales {scales:?} make {out:?} places");
    }
    Ok((space, out))
}

fn nearest(values: &[i8], grid: &Grid, scales: [f32; 2], from: i32, to: i32) -> Result<Vec<i8>> {
    let Grid { size, out, channels, family, .. } = *grid;
    if from - to >= 7 {
        bail!("its integers go {} bits to the left, the chip's factor has 7", from - to);
    }
    let factor = scale(from - to);
    let inverse = scales.map(|s| 1.0 / s);
    let places = |axis: usize| -> Vec<usize> {
        (0..out[axis]).map(|o| ((o as f32 * inverse[axis]) as usize).min(size[axis] - 1)).collect()
    };
    let (rows, columns) = (places(0), places(1));
    let mut all = Vec::with_capacity(out[0] * out[1] * channels);
    for &y in &rows {
        for &x in &columns {
            let at = (y * size[1] + x) * channels;
            // In bounds: y and x are inside the input. A value that does not fit int8 loses its upper bits in portable
            // code and saturates in vector code; equal exponents, which esp-ppq and espq write, never get there.
            let one = |&v: &i8| {
                let rounded = round(f32::from(v) * factor, family);
                if family == Family::C { rounded as i8 } else { rounded.clamp(-128, 127) as i8 }
            };
            all.extend(values[at..at + channels].iter().map(one));
        }
    }
    Ok(all)
}

/// `linear_coeffs`: the lower neighbour and the share of the upper.
fn coefficients(out: usize, size: usize, inverse: f32, align: bool) -> (usize, f32) {
    let place = if align { out as f32 * inverse } else { (out as f32 + 0.5) * inverse - 0.5 };
    let lower = place.floor();
    if lower < 0.0 {
        return (0, 0.0);
    }
    if lower as usize >= size - 1 {
        return (size - 2, 1.0);
    }
    (lower as usize, place - lower)
}

fn linear(values: &[i8], grid: &Grid, mut scales: [f32; 2], align: bool, from: i32, to: i32) -> Result<Vec<i8>> {
    let Grid { size, out, channels, plain, family } = *grid;
    if size[1] < 2 || (size[0] < 2 && !plain) {
        bail!("the chip interpolates between two places at least, its input has {size:?}");
    }
    if align {
        let share = |axis: usize| (out[axis] as f32 - 1.0) / (size[axis] as f32 - 1.0);
        scales = [if plain { 1.0 } else { share(0) }, share(1)];
    }
    let inverse = scales.map(|s| 1.0 / s);
    let (enter, leave) = (scale(from), scale(-to));
    let at = |y: usize, x: usize| {
        let first = (y * size[1] + x) * channels;
        // In bounds: `coefficients` stays inside, and so does its upper neighbour.
        values[first..first + channels].iter().map(move |&v| f32::from(v) * enter)
    };
    let columns: Vec<(usize, f32)> = (0..out[1]).map(|x| coefficients(x, size[1], inverse[1], align)).collect();
    let row = |y: usize| -> Vec<f32> {
        let mix =
            |&(x, share): &(usize, f32)| at(y, x).zip(at(y, x + 1)).map(move |(a, b)| a * (1.0 - share) + b * share);
        columns.iter().flat_map(mix).collect()
    };
    let quantize = |x: f32| round(x * leave, family).clamp(-128, 127) as i8;
    let mut all = Vec::with_capacity(out[0] * out[1] * channels);
    for oy in 0..out[0] {
        if plain {
            all.extend(row(0).into_iter().map(quantize));
            continue;
        }
        let (y, share) = coefficients(oy, size[0], inverse[0], align);
        all.extend(row(y).iter().zip(row(y + 1)).map(|(a, b)| quantize(a * (1.0 - share) + b * share)));
    }
    Ok(all)
}
