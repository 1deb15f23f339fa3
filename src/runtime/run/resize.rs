//! Resize: nearest (asymmetric, floor) and linear (half_pixel or align_corners), along height and width
//! (`dl_base_resize.cpp`). At int16 the chip's function is empty.
//!
//! Never: cubic.

use crate::chip::Family;
use crate::chip::QuantType;
use crate::{Error, Result, bail};

use super::kernel::Kernel;
use super::node_context::Step;
use super::round::{round, scale};

pub fn resize(step: &Step) -> Result<Kernel> {
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
        _ => bail!("its input has shape {:?}, but the chip reads [1, W, C] or [1, H, W, C]", input.dims),
    };
    let plain = input.dims.len() == 3;
    let (scales, out) = match (step.optional(3).filter(|sizes| sizes.len() > 0), step.optional(2)) {
        (Some(sizes), _) => by_sizes(&sizes.constant()?.integers()?, size, plain)?,
        (None, Some(scales)) => by_scales(scales.constant()?.floats()?, size, plain)?,
        (None, None) => bail!("it has neither scales nor sizes"),
    };
    if size.contains(&0) {
        bail!("its input of shape {:?} is empty", input.dims);
    }
    let grid = Grid { size, out, channels, family: step.family() };
    let (from, to) = (step.quantized::<i8>(0)?.exponent(), step.exponent()?);
    let mut dims = input.dims.clone();
    dims.iter_mut()
        .skip(1)
        .zip(out.iter().skip(usize::from(plain)))
        .take(2 - usize::from(plain))
        .for_each(|(d, &s)| *d = s);
    match step.node.text("mode") {
        Some("nearest") => {
            if from - to >= 7 {
                bail!("its integers are shifted left by {} bits, but the chip's factor has 7", from - to);
            }
            let factor = scale(from - to)?;
            step.makes(dims, move |inputs| Ok(nearest(inputs.quantized::<i8>(0)?, &grid, scales, factor)))
        }
        Some("linear") => {
            if size[1] < 2 || (size[0] < 2 && !plain) {
                bail!("the chip interpolates between two positions, but its input has size {size:?}");
            }
            let align = step.node.text("coordinate_transformation_mode") == Some("align_corners");
            let linear = Linear::new(grid, scales, plain, align);
            let (enter, leave) = (scale(from)?, scale(-to)?);
            step.makes(dims, move |inputs| Ok(linear.run(inputs.quantized::<i8>(0)?, enter, leave)))
        }
        other => bail!("the chip does not support mode {}", other.unwrap_or("without a name")),
    }
}

#[derive(Debug, Clone, Copy)]
struct Grid {
    size: [usize; 2],
    out: [usize; 2],
    channels: usize,
    family: Family,
}

type Sized = ([f32; 2], [usize; 2]);

/// Reads sizes in ONNX's order: N, C, then H and W, or W.
fn by_sizes(sizes: &[i64], size: [usize; 2], plain: bool) -> Result<Sized> {
    let space = match (sizes, plain) {
        ([_, _, w], true) => [1, *w],
        ([_, _, h, w], false) => [*h, *w],
        _ => bail!("its sizes {sizes:?} do not fit its input"),
    };
    match space.map(|s| usize::try_from(s).ok().filter(|s| (1..=1 << 20).contains(s))) {
        [Some(h), Some(w)] => Ok(([h as f32 / size[0] as f32, w as f32 / size[1] as f32], [h, w])),
        _ => bail!("its sizes {sizes:?} are not valid for a tensor"),
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
        bail!("its scales {scales:?} give the size {out:?}");
    }
    Ok((space, out))
}

fn nearest(values: &[i8], grid: &Grid, scales: [f32; 2], factor: f32) -> Vec<i8> {
    let Grid { size, out, channels, family } = *grid;
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
            // code and saturates in vector code; this does not occur with equal exponents, which esp-ppq and espq
            // write.
            let one = |&v: &i8| {
                let rounded = round(f32::from(v) * factor, family);
                if family == Family::C { rounded as i8 } else { rounded.clamp(-128, 127) as i8 }
            };
            all.extend(values[at..at + channels].iter().map(one));
        }
    }
    all
}

/// Computes `linear_coeffs`: the lower neighbour and the share of the upper one.
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

/// Neighbours and shares of each position.
struct Linear {
    grid: Grid,
    rows: Vec<(usize, f32)>,
    columns: Vec<(usize, f32)>,
    /// Set for one-dimensional inputs, which have no height to interpolate.
    plain: bool,
}

impl Linear {
    fn new(grid: Grid, mut scales: [f32; 2], plain: bool, align: bool) -> Linear {
        let Grid { size, out, .. } = grid;
        if align {
            let share = |axis: usize| (out[axis] as f32 - 1.0) / (size[axis] as f32 - 1.0);
            scales = [if plain { 1.0 } else { share(0) }, share(1)];
        }
        let inverse = scales.map(|s| 1.0 / s);
        let along =
            |axis: usize| (0..out[axis]).map(move |o| coefficients(o, size[axis], inverse[axis], align)).collect();
        Linear { grid, rows: if plain { Vec::new() } else { along(0) }, columns: along(1), plain }
    }

    fn run(&self, values: &[i8], enter: f32, leave: f32) -> Vec<i8> {
        let Grid { size, out, channels, family } = self.grid;
        let at = |y: usize, x: usize| {
            let first = (y * size[1] + x) * channels;
            // In bounds: results of `coefficients` are inside, and so are their upper neighbours.
            values[first..first + channels].iter().map(move |&v| f32::from(v) * enter)
        };
        let row = |y: usize| -> Vec<f32> {
            let mix = |&(x, share): &(usize, f32)| {
                at(y, x).zip(at(y, x + 1)).map(move |(a, b)| a * (1.0 - share) + b * share)
            };
            self.columns.iter().flat_map(mix).collect()
        };
        let quantize = |x: f32| round(x * leave, family).clamp(-128, 127) as i8;
        if self.plain {
            return row(0).into_iter().map(quantize).collect();
        }
        let mut all = Vec::with_capacity(out[0] * out[1] * channels);
        for &(y, share) in &self.rows {
            all.extend(row(y).iter().zip(row(y + 1)).map(|(a, b)| quantize(a * (1.0 - share) + b * share)));
        }
        all
    }
}
