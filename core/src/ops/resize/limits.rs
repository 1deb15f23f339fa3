//! Limits of ESP-DL's Resize, which supports height and width, nearest and linear, with the positions that its kernel
//! computes.
//!
//! The exporter writes other forms position by position; only a region beyond the input is unsupported.

use crate::chip::{Checked, Effect, Family, Limit, NodeView, Scheme, Unreadable};
use crate::ops::axes::normalize_all;
use crate::ops::interpolate::{self, Axis, Coordinates, Nearest};
use crate::ops::limits;

/// Limits in the order in which they are reported.
pub const LIMITS: &[&Limit] = &[
    &REGION,
    &RANK,
    &limits::spatial::BATCH,
    &MODE,
    &ANTIALIAS,
    &AXES,
    &CHANNELS,
    &SIZE,
    &ONE_PLACE,
    &NEAREST,
    &COORDINATES,
];

/// Returns `true` if the kernel supports the node without a rewrite; except for sizes of some axes only, which the exporter
/// completes.
pub fn has_kernel(node: &dyn NodeView) -> bool {
    let is_broken = |limit: &&&Limit| limit.name != AXES.name && limit.violation(node).is_some();
    node.scheme() == Some(Scheme::Int8) && !LIMITS.iter().any(|limit| is_broken(&limit))
}

pub static REGION: Limit = Limit {
    name: "resize-region",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let is_beyond = |side: &Side| (0..side.axis.to).any(|to| side.place(to).is_none());
        let found = resized(node)?.iter().any(is_beyond);
        Ok(found.then(|| "Resize of a region beyond its input, where there is nothing to read".to_string()))
    },
    help: "keep the region of interest inside the input, or pad the input before it",
    source: "dl_base_resize.cpp",
};

pub static RANK: Limit = Limit {
    name: "resize-rank",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| if node.is_written() { (limits::spatial::RANK.check)(node) } else { Ok(None) },
    help: "reshape the tensor around the layer",
    source: "dl_module_resize.hpp, get_output_shape",
};

pub static MODE: Limit = Limit {
    name: "resize-mode",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let mode = node.text("mode", "nearest")?;
        if !node.is_written() {
            return Ok(None);
        }
        let message =
            || format!("Resize with mode {mode:?}, for which the chip has no kernel and leaves the output unwritten");
        Ok((!matches!(mode, "nearest" | "linear")).then(message))
    },
    help: "export with mode nearest or linear (PyTorch: nearest, bilinear)",
    source: "dl_base_resize.cpp",
};

pub static ANTIALIAS: Limit = Limit {
    name: "resize-antialias",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        Ok((node.int("antialias", 0)? != 0).then(|| "Resize with antialias, which the chip ignores".to_string()))
    },
    help: "export without antialias",
    source: "dl_module_resize.hpp",
};

/// The exporter writes a number for every axis.
pub static AXES: Limit = Limit {
    name: "resize-axes",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: |node| {
        let (Some(rank), Some((count, _))) = (node.rank(0), given(node)) else { return Ok(None) };
        Ok((node.is_written() && count != rank).then(|| {
            format!("Resize by {count} numbers for {rank} axes; the kernel reads number {rank}, out of bounds")
        }))
    },
    help: "give a scale or a size for every axis, and remove the attribute axes",
    source: "dl_module_resize.hpp, get_output_shape",
};

pub static CHANNELS: Limit = Limit {
    name: "resize-channels",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let (true, Some(from), Some(to)) = (node.is_written(), node.shape(0), node.output_shape(0)) else {
            return Ok(None);
        };
        let is_kept = from.iter().zip(&to).take(2).all(|(from, to)| from == to);
        Ok((!is_kept).then(|| format!("Resize of {from:?} to {to:?}; the chip resizes height and width only")))
    },
    help: "repeat channels with Concat, and resize height and width only",
    source: "dl_module_resize.hpp, get_output_shape",
};

/// Sizes are scales multiplied in float32 and rounded down.
pub static SIZE: Limit = Limit {
    name: "resize-size",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let other = resized_on_chip(node)?.into_iter().find(|side| side.size_on_chip() != side.axis.to);
        Ok(other.map(|side| {
            let Axis { from, to, .. } = side.axis;
            format!(
                "Resize from {from} to {to} by scale {}, which the chip rounds to {}",
                side.scale,
                side.size_on_chip()
            )
        }))
    },
    help: "export with sizes instead of scales",
    source: "dl_module_resize.hpp, get_output_shape",
};

/// Neighbours of an axis of size 1: the kernel takes the position before it.
pub static ONE_PLACE: Limit = Limit {
    name: "resize-from-one-place",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: |node| {
        let places = node.shape(0).unwrap_or_default();
        let is_linear = node.is_written() && node.text("mode", "nearest")? == "linear";
        let is_one = is_linear && places.iter().skip(2).any(|&n| n == 1);
        Ok(is_one.then(|| {
            format!(
                "linear Resize of {places:?}; the kernel interpolates between two positions, and reads before its input"
            )
        }))
    },
    help: "export with mode nearest, which gives the same values for an axis of size 1",
    source: "dl_base_resize.cpp, linear_coeffs",
};

/// The kernel reads position `floor(position / scale)`.
pub static NEAREST: Limit = Limit {
    name: "resize-nearest",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: nearest,
    help: "export with coordinate_transformation_mode asymmetric and nearest_mode floor (PyTorch: Upsample with mode \
           nearest)",
    source: "dl_base_resize.cpp, resize_operation_shell",
};

/// The kernel supports align_corners, and treats all others as half_pixel.
pub static COORDINATES: Limit = Limit {
    name: "resize-coordinates",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: coordinates,
    help: "export with half_pixel (PyTorch: align_corners=False) or align_corners, to a size above 1",
    source: "dl_base_resize.cpp, linear_coeffs",
};

fn nearest(node: &dyn NodeView) -> Checked {
    if node.text("mode", "nearest")? != "nearest" {
        return Ok(None);
    }
    let mode = node.text("nearest_mode", "round_prefer_floor")?;
    let mode = Nearest::named(mode).map_err(|_| Unreadable("nearest_mode"))?;
    for side in resized_on_chip(node)? {
        let taken = |to: usize| side.place(to).map(|place| mode.round(place).clamp(0.0, side.last()) as usize);
        if let Some(to) = (0..side.axis.to).find(|&to| taken(to) != Some(side.nearest_on_chip(to))) {
            let read = taken(to).map_or("none".to_string(), |place| place.to_string());
            return Ok(Some(format!(
                "nearest Resize from {} to {}; output {to} is input {read}, but the chip reads input {}",
                side.axis.from,
                side.axis.to,
                side.nearest_on_chip(to)
            )));
        }
    }
    Ok(None)
}

fn coordinates(node: &dyn NodeView) -> Checked {
    if node.text("mode", "nearest")? != "linear" {
        return Ok(None);
    }
    let named = node.text("coordinate_transformation_mode", "half_pixel")?;
    let differs = |side: &Side| (0..side.axis.to).any(|to| !side.agrees(to, named == "align_corners"));
    Ok(resized_on_chip(node)?.into_iter().find(differs).map(|side| {
        let Axis { from, to, .. } = side.axis;
        format!("linear Resize from {from} to {to} with coordinates {named:?}, which the chip runs as half_pixel")
    }))
}

/// Returns the number of given scales or sizes, and the numbers if they are scales.
fn given(node: &dyn NodeView) -> Option<(usize, Option<Vec<f32>>)> {
    if let Some(sizes) = node.constant(3).filter(|sizes| !sizes.is_empty()) {
        return Some((sizes.len(), None));
    }
    node.floats(2).filter(|scales| !scales.is_empty()).map(|scales| (scales.len(), Some(scales)))
}

/// Height or width, with ONNX's and the kernel's mapping of positions.
struct Side {
    axis: Axis,
    coordinates: Coordinates,
    /// Scale of the kernel.
    scale: f32,
    by_scale: bool,
}

/// Returns height and width of a node that the kernel runs.
fn resized_on_chip(node: &dyn NodeView) -> Result<Vec<Side>, Unreadable> {
    if node.is_written() { resized(node) } else { Ok(Vec::new()) }
}

/// Returns height and width; empty if a size is not known.
fn resized(node: &dyn NodeView) -> Result<Vec<Side>, Unreadable> {
    let (Some(from), Some(to), Some((count, scales))) = (node.shape(0), node.output_shape(0), given(node)) else {
        return Ok(Vec::new());
    };
    let axes = match node.ints("axes")? {
        [] => (0..from.len()).collect(),
        axes => normalize_all(axes, from.len()).map_err(|_| Unreadable("axes"))?,
    };
    let named = node.text("coordinate_transformation_mode", "half_pixel")?;
    let coordinates = Coordinates::named(named).map_err(|_| Unreadable("coordinate_transformation_mode"))?;
    let policy = node.text("keep_aspect_ratio_policy", "stretch")?;
    let by_size = match &scales {
        None => interpolate::sized(&from, &axes, &node.constant(3).unwrap_or_default(), policy),
        Some(_) => Ok(Vec::new()),
    };
    let by_size = by_size.map_err(|_| Unreadable("keep_aspect_ratio_policy"))?;
    let region = node.floats(1).filter(|region| region.len() == 2 * count).unwrap_or_default();
    let side = |axis: usize| {
        let at = axes.iter().position(|&a| a == axis);
        let given = at.and_then(|at| scales.as_ref()?.get(at).copied());
        let sized = by_size.iter().find(|(a, _)| *a == axis).map(|(_, (scale, _))| *scale);
        let end = |at: usize| region.get(at).copied().map(f64::from);
        let ends = at.and_then(|at| Some((end(at)?, end(at + count)?))).unwrap_or((0.0, 1.0));
        let scale = given.map(f64::from).or(sized).unwrap_or(1.0);
        let on_chip = given.unwrap_or(if scales.is_some() { 1.0 } else { to[axis] as f32 / from[axis] as f32 });
        let axis = Axis { from: from[axis], to: to[axis], scale, ends };
        Side { axis, coordinates, scale: on_chip, by_scale: scales.is_some() }
    };
    Ok((2..from.len().min(to.len())).map(side).collect())
}

impl Side {
    fn last(&self) -> f64 {
        self.axis.from.saturating_sub(1) as f64
    }

    fn size_on_chip(&self) -> usize {
        // Like C; float32 is precise enough for sizes of a tensor.
        if self.by_scale { (self.axis.from as f32 * self.scale) as usize } else { self.axis.to }
    }

    /// Position of the input that ONNX reads; `None` outside a region of interest.
    fn place(&self, to: usize) -> Option<f64> {
        let place = self.coordinates.source(to, &self.axis);
        let is_outside = self.coordinates == Coordinates::CropAndResize && !(0.0..=self.last()).contains(&place);
        (!is_outside).then_some(place)
    }

    fn nearest_on_chip(&self, to: usize) -> usize {
        ((to as f32 * (1.0 / self.scale)) as usize).min(self.axis.from.saturating_sub(1))
    }

    /// Returns `true` if ONNX and the kernel interpolate at the same position, within float32's precision.
    fn agrees(&self, to: usize, align_corners: bool) -> bool {
        let (last, to_last) = (self.last() as f32, self.axis.to as f32 - 1.0);
        let on_chip = match align_corners {
            true => to as f32 * (1.0 / (to_last / last)),
            false => (to as f32 + 0.5) * (1.0 / self.scale) - 0.5,
        };
        let inside = |place: f64| place.clamp(0.0, self.last());
        // An aligned axis of size 1 gives NaN on the chip, which equals nothing.
        self.place(to).is_some_and(|place| (inside(place) - inside(f64::from(on_chip))).abs() <= 1e-4 * self.last())
    }
}
