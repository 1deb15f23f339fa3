//! Resize: interpolation along axes: nearest, linear or cubic. <https://onnx.ai/onnx/operators/onnx__Resize.html>

mod limits;

pub use super::interpolate::Taps;
pub use limits::has_kernel;

use crate::chip::{Axes, Chip, Kernels, Support};
use crate::ops::axes::{constant_ints, normalize_all};
use crate::ops::interpolate::{self, Coordinates, Interpolate, Mode, Nearest};
use crate::ops::operands::{optional, required};
use crate::ops::{Call, Fact, Kernel, Operator, Shared, Treatment};
use crate::{Result, bail};

pub(super) static OPERATOR: Operator = Operator {
    name: "Resize",
    treatment: Treatment { shared: Shared::Output, float_inputs: &[1, 2, 3], ..Treatment::PLAIN },
    chip: Support::Runs(&Chip {
        own_kernels: Some(Kernels::INT8),
        axes: Axes::ChannelsLast,
        limits: limits::LIMITS,
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "Resize")?.data_type, plan(call)?.shape())])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

/// Returns what each place of each axis is made of; `None` for an axis that stays.
pub fn taps(call: &Call) -> Result<Vec<Option<Taps>>> {
    Ok(plan(call)?.axes)
}

fn plan(call: &Call) -> Result<Interpolate> {
    let x = required(call, 0, "Resize")?;
    if call.attributes.int_or("antialias", 0) != 0 {
        bail!("Resize with antialias is not supported");
    }
    let axes = match call.attributes.ints("axes") {
        Some(axes) => normalize_all(axes, x.shape.len())?,
        None => (0..x.shape.len()).collect(),
    };
    // Operator set 10 has no region of interest, and other coordinates.
    let old = call.opset < 11 && call.inputs.len() <= 2;
    let scales = floats(call, if old { 1 } else { 2 })?;
    let sizes = if old { None } else { constant_ints(call, "sizes", 3)?.filter(|s| !s.is_empty()) };
    let roi = if old { None } else { floats(call, 1)? };
    let coordinates = match call.attributes.text("coordinate_transformation_mode") {
        None if old => Coordinates::Asymmetric,
        None => Coordinates::HalfPixel,
        Some(name) => Coordinates::named(name)?,
    };
    let nearest = match call.attributes.text("nearest_mode") {
        None if old => Nearest::Floor,
        None => Nearest::RoundPreferFloor,
        Some(name) => Nearest::named(name)?,
    };
    let mode = Mode::named(call.attributes.text("mode").unwrap_or("nearest"), nearest, call)?;
    let mut scale = vec![1.0; x.shape.len()];
    let mut size = x.shape.clone();
    match (scales, sizes) {
        (Some(scales), _) if scales.len() == axes.len() => {
            for (&axis, &s) in axes.iter().zip(&scales) {
                (scale[axis], size[axis]) = interpolate::scaled(x.shape[axis], s)?;
            }
        }
        (None, Some(sizes)) if sizes.len() == axes.len() => {
            let policy = call.attributes.text("keep_aspect_ratio_policy").unwrap_or("stretch");
            for (axis, (s, to)) in interpolate::sized(&x.shape, &axes, &sizes, policy)? {
                (scale[axis], size[axis]) = (s, to);
            }
        }
        _ => bail!("Resize has neither scales nor sizes for each of {} axes", axes.len()),
    }
    let mut ends = vec![(0.0, 1.0); x.shape.len()];
    if let Some(roi) = roi.filter(|r| r.len() == 2 * axes.len()) {
        axes.iter().enumerate().for_each(|(i, &axis)| ends[axis] = (roi[i], roi[i + axes.len()]));
    }
    let extrapolation = f64::from(call.attributes.float_or("extrapolation_value", 0.0));
    Interpolate::new(&x.shape, &size, &scale, &ends, mode, coordinates, extrapolation)
}

/// Returns a constant float input, if it exists and is not empty.
fn floats(call: &Call, port: usize) -> Result<Option<Vec<f64>>> {
    let Some(fact) = optional(call, port) else { return Ok(None) };
    let Some(constant) = &fact.constant else {
        // An empty region of interest may have any type.
        return if fact.shape.contains(&0) {
            Ok(None)
        } else {
            bail!("Resize has an input {port} that is not constant")
        };
    };
    let values = crate::ops::cast::cast(constant.clone(), crate::graph::DataType::F64)?;
    Ok(values.slice::<f64>().filter(|v| !v.is_empty()).map(<[f64]>::to_vec))
}
