//! Interpolation axis by axis, shared by Resize and Upsample.

use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

use super::layout::{AxisMap, each_type, remap, slice};
use super::operands::checked_len;
use super::{Call, Kernel};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    HalfPixelForNearest,
    CropAndResize,
}

impl Coordinates {
    pub fn named(name: &str) -> Result<Coordinates> {
        Ok(match name {
            "half_pixel" => Coordinates::HalfPixel,
            "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
            "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
            "align_corners" => Coordinates::AlignCorners,
            "asymmetric" => Coordinates::Asymmetric,
            "tf_half_pixel_for_nn" => Coordinates::HalfPixelForNearest,
            "tf_crop_and_resize" => Coordinates::CropAndResize,
            other => bail!("there is no coordinate_transformation_mode {other}"),
        })
    }

    /// Returns the position in the input of output index `i`.
    pub fn source(self, i: usize, axis: &Axis) -> f64 {
        let (i, from, to) = (i as f64, axis.from as f64, axis.from as f64 * axis.scale);
        match self {
            Coordinates::HalfPixel => (i + 0.5) / axis.scale - 0.5,
            Coordinates::HalfPixelSymmetric => {
                let offset = from / 2.0 * (1.0 - axis.to as f64 / to);
                offset + (i + 0.5) / axis.scale - 0.5
            }
            Coordinates::PytorchHalfPixel if to > 1.0 => (i + 0.5) / axis.scale - 0.5,
            Coordinates::AlignCorners if axis.to > 1 => i * (from - 1.0) / (axis.to as f64 - 1.0),
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners => 0.0,
            Coordinates::Asymmetric => i / axis.scale,
            Coordinates::HalfPixelForNearest => (i + 0.5) / axis.scale,
            Coordinates::CropAndResize if axis.to > 1 => {
                let (start, end) = axis.ends;
                start * (from - 1.0) + i * (end - start) * (from - 1.0) / (axis.to as f64 - 1.0)
            }
            Coordinates::CropAndResize => (axis.ends.0 + axis.ends.1) / 2.0 * (from - 1.0),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
}

impl Nearest {
    pub fn named(name: &str) -> Result<Nearest> {
        Ok(match name {
            "round_prefer_floor" => Nearest::RoundPreferFloor,
            "round_prefer_ceil" => Nearest::RoundPreferCeil,
            "floor" => Nearest::Floor,
            "ceil" => Nearest::Ceil,
            other => bail!("there is no nearest_mode {other}"),
        })
    }

    pub fn round(self, x: f64) -> f64 {
        match self {
            Nearest::RoundPreferFloor => (x - 0.5).ceil(),
            Nearest::RoundPreferCeil => (x + 0.5).floor(),
            Nearest::Floor => x.floor(),
            Nearest::Ceil => x.ceil(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    Nearest(Nearest),
    Linear,
    Cubic { a: f64, exclude_outside: bool },
}

impl Mode {
    pub fn named(name: &str, nearest: Nearest, call: &Call) -> Result<Mode> {
        Ok(match name {
            "nearest" => Mode::Nearest(nearest),
            "linear" | "bilinear" => Mode::Linear,
            "cubic" => Mode::Cubic {
                a: f64::from(call.attributes.float_or("cubic_coeff_a", -0.75)),
                exclude_outside: call.attributes.int_or("exclude_outside", 0) != 0,
            },
            other => bail!("there is no interpolation mode {other}"),
        })
    }

    /// Returns input indices (some outside) and their weights.
    fn taps(self, x: f64, size: usize) -> Vec<(i64, f64)> {
        let base = x.floor();
        let (first, t) = (base as i64, x - base);
        match self {
            Mode::Nearest(nearest) => vec![(nearest.round(x) as i64, 1.0)],
            Mode::Linear => vec![(first, 1.0 - t), (first + 1, t)],
            Mode::Cubic { a, exclude_outside } => {
                let near = |d: f64| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
                let far = |d: f64| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
                let weights = [far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)];
                let mut taps: Vec<(i64, f64)> = (first - 1..first + 3).zip(weights).collect();
                if exclude_outside {
                    taps.retain(|(i, _)| (0..size as i64).contains(i));
                    let sum: f64 = taps.iter().map(|(_, w)| w).sum();
                    taps.iter_mut().for_each(|(_, w)| *w /= sum);
                }
                taps
            }
        }
    }
}

/// Returns scale and size of an axis that is scaled.
pub fn scaled(from: usize, by: f64) -> Result<(f64, usize)> {
    let to = (from as f64 * by).floor();
    if !(by > 0.0 && to < (1u64 << 40) as f64) {
        bail!("an axis of {from} cannot be scaled by {by}");
    }
    Ok((by, to as usize))
}

/// Returns scale and size of each of `axes`, resized to `sizes` under an aspect policy.
pub fn sized(shape: &[usize], axes: &[usize], sizes: &[i64], policy: &str) -> Result<Vec<(usize, (f64, usize))>> {
    if sizes.iter().any(|&s| !(0..1 << 40).contains(&s)) {
        bail!("a tensor cannot be resized to {sizes:?}");
    }
    let scales: Vec<f64> = axes.iter().zip(sizes).map(|(&a, &s)| s as f64 / shape[a] as f64).collect();
    let common = match policy {
        "stretch" => None,
        "not_larger" => Some(scales.iter().copied().fold(f64::INFINITY, f64::min)),
        "not_smaller" => Some(scales.iter().copied().fold(0.0, f64::max)),
        other => bail!("there is no keep_aspect_ratio_policy {other}"),
    };
    let each = axes.iter().zip(sizes).zip(scales);
    Ok(each
        .map(|((&axis, &size), scale)| match common {
            None => (axis, (scale, size as usize)),
            Some(scale) => (axis, (scale, (shape[axis] as f64 * scale).round() as usize)),
        })
        .collect())
}

/// Axis with its new size.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    pub from: usize,
    pub to: usize,
    pub scale: f64,
    /// Region of interest, as shares of the axis.
    pub ends: (f64, f64),
}

/// Input indices with weights for each output index of one axis; `None` for the extrapolation value.
pub type Taps = Vec<Option<Vec<(usize, f64)>>>;

pub struct Interpolate {
    /// Taps of each axis; `None` for axes that do not change.
    pub axes: Vec<Option<Taps>>,
    from: Vec<usize>,
    to: Vec<usize>,
    nearest: bool,
    extrapolation: f64,
}

impl Interpolate {
    pub fn new(
        from: &[usize],
        to: &[usize],
        scales: &[f64],
        ends: &[(f64, f64)],
        mode: Mode,
        coordinates: Coordinates,
        extrapolation: f64,
    ) -> Result<Interpolate> {
        checked_len(to)?;
        let taps = |a: usize| {
            let axis = Axis { from: from[a], to: to[a], scale: scales[a], ends: ends[a] };
            let crop = coordinates == Coordinates::CropAndResize && axis.ends != (0.0, 1.0);
            if axis.from == axis.to && axis.scale == 1.0 && !crop {
                return Ok(None);
            }
            if axis.from == 0 && axis.to > 0 {
                bail!("an empty axis cannot be resized to {}", axis.to);
            }
            let last = axis.from.saturating_sub(1) as i64;
            let of = |i: usize| {
                let x = coordinates.source(i, &axis);
                if coordinates == Coordinates::CropAndResize && !(0.0..=last as f64).contains(&x) {
                    return None;
                }
                let inside = |(i, w): (i64, f64)| (i.clamp(0, last) as usize, w);
                Some(mode.taps(x, axis.from).into_iter().map(inside).collect())
            };
            Ok(Some((0..axis.to).map(of).collect()))
        };
        let axes = (0..from.len()).map(taps).collect::<Result<_>>()?;
        let nearest = matches!(mode, Mode::Nearest(_));
        Ok(Interpolate { axes, from: from.to_vec(), to: to.to_vec(), nearest, extrapolation })
    }

    pub fn shape(&self) -> Vec<usize> {
        self.to.clone()
    }

    fn pick<T: Element>(&self, x: &Tensor, fill: T) -> Result<Tensor> {
        let map = |(axis, &from): (&Option<Taps>, &usize)| -> AxisMap {
            match axis {
                None => (0..from).map(Some).collect(),
                Some(taps) => taps.iter().map(|t| t.as_ref().and_then(|t| t.first()).map(|t| t.0)).collect(),
            }
        };
        let maps: Vec<AxisMap> = self.axes.iter().zip(&self.from).map(map).collect();
        remap(x, &maps, fill)
    }

    fn blend<T: Real + Element>(&self, x: &Tensor) -> Result<Tensor> {
        let mut shape = self.from.clone();
        let mut values = slice::<T>(x).to_vec();
        for (axis, taps) in self.axes.iter().enumerate() {
            let Some(taps) = taps else { continue };
            values = self.blend_axis(&values, &shape, axis, taps);
            shape[axis] = taps.len();
        }
        Tensor::new(&shape, values)
    }

    fn blend_axis<T: Real>(&self, values: &[T], shape: &[usize], axis: usize, taps: &Taps) -> Vec<T> {
        let inner: usize = shape[axis + 1..].iter().product();
        let block = shape[axis] * inner;
        let mut out = Vec::with_capacity(values.len() / shape[axis].max(1) * taps.len());
        for source in values.chunks_exact(block.max(1)) {
            for taps in taps {
                let start = out.len();
                let Some(taps) = taps else {
                    out.resize(start + inner, T::from_f64(self.extrapolation));
                    continue;
                };
                out.resize(start + inner, T::ZERO);
                for &(i, weight) in taps {
                    let weight = T::from_f64(weight);
                    let row = &source[i * inner..(i + 1) * inner];
                    out[start..].iter_mut().zip(row).for_each(|(o, &v)| *o += v * weight);
                }
            }
        }
        out
    }
}

impl Kernel for Interpolate {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F32(_) if self.nearest => self.pick(&x, self.extrapolation as f32)?,
            Tensor::F64(_) if self.nearest => self.pick(&x, self.extrapolation)?,
            _ if self.nearest => each_type!(x, T => self.pick::<T>(&x, T::default())?),
            Tensor::F32(_) => self.blend::<f32>(&x)?,
            Tensor::F64(_) => self.blend::<f64>(&x)?,
            other => bail!("Resize blends float32 or float64, not {}", other.data_type().name()),
        }])
    }
}
