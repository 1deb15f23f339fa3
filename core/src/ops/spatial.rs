//! Attributes shared by convolutions and pooling: kernel_shape, strides, dilations, pads, auto_pad.

use crate::kernels::window::Window;
use crate::{Error, Result, bail};

use super::Call;

/// Limit on strides, dilations and pads: larger values are mistakes in the file, and below it sums cannot overflow.
const LIMIT: i64 = 1 << 31;

/// Rule for the last window of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Windows are inside the padded input.
    Floor,
    /// One more window may reach past it (`ceil_mode`).
    Ceil,
}

/// Reads an attribute with one value per spatial axis, each below 2^31.
pub fn sizes(call: &Call, operator: &str, name: &str, rank: usize) -> Result<Option<Vec<usize>>> {
    let Some(values) = call.attributes.ints(name) else { return Ok(None) };
    if values.len() != rank || values.iter().any(|v| !(0..1 << 31).contains(v)) {
        bail!("{operator} has {name} {values:?} for {rank} spatial axes");
    }
    Ok(Some(values.iter().map(|&v| v as usize).collect()))
}

/// Computes the window of a convolution or pool over an input with these spatial sizes.
pub fn window(call: &Call, operator: &str, input: &[usize], kernel: &[usize], ends: Ends) -> Result<Window> {
    let axes = axes(input.len(), operator)?;
    if kernel.len() != input.len() {
        bail!("{operator} has a kernel of {} axes for an input of {} spatial axes", kernel.len(), input.len());
    }
    let steps = Steps::read(call, operator, input.len())?;
    let mut w = Window {
        input: [1; 3],
        output: [1; 3],
        kernel: [1; 3],
        stride: [1; 3],
        dilation: [1; 3],
        pad: [0; 3],
        pad_end: [0; 3],
    };
    for (i, axis) in axes.enumerate() {
        (w.input[axis], w.kernel[axis]) = (input[i], kernel[i]);
        (w.stride[axis], w.dilation[axis]) = (steps.strides[i], steps.dilations[i]);
        let extent = extent(operator, kernel[i], steps.dilations[i])?;
        if input[i] as u64 >= LIMIT as u64 {
            bail!("{operator} has an input of shape {input:?}, above the limit of {LIMIT}");
        }
        let (begin, end) = match steps.pads {
            Pads::Explicit(ref pads) => (pads[i], pads[i + input.len()]),
            Pads::Same { lower } => same(input[i], steps.strides[i], extent, lower),
        };
        (w.pad[axis], w.pad_end[axis]) = (begin, end);
        let padded = input[i] + begin + end;
        if padded < extent && !matches!(steps.pads, Pads::Same { .. }) && ends == Ends::Floor {
            return Err(Error::new(format!(
                "{operator} has a window of {extent} for a padded input of {padded} along spatial axis {i}"
            ))
            .with_help("check kernel_shape, dilations and pads against the input's shape"));
        }
        w.output[axis] = match steps.pads {
            Pads::Same { .. } => input[i].div_ceil(steps.strides[i]),
            Pads::Explicit(_) => windows(input[i], begin, end, extent, steps.strides[i], ends),
        };
    }
    Ok(w)
}

/// Returns the indices of `rank` spatial axes among three.
pub fn axes(rank: usize, operator: &str) -> Result<std::ops::Range<usize>> {
    if !(1..=3).contains(&rank) {
        bail!("{operator} has {rank} spatial axes; espq computes 1 to 3");
    }
    Ok(3 - rank..3)
}

/// Returns the number of elements that a dilated kernel spans.
pub fn extent(operator: &str, kernel: usize, dilation: usize) -> Result<usize> {
    let extent = kernel.checked_sub(1).and_then(|k| k.checked_mul(dilation)).and_then(|e| e.checked_add(1));
    match extent {
        Some(extent) if (extent as u64) < LIMIT as u64 => Ok(extent),
        _ => bail!("{operator} has a kernel of {kernel} with dilation {dilation}, which spans no valid window"),
    }
}

fn windows(input: usize, begin: usize, end: usize, extent: usize, stride: usize, ends: Ends) -> usize {
    let Some(room) = (input + begin + end).checked_sub(extent) else { return 0 };
    match ends {
        Ends::Floor => room / stride + 1,
        Ends::Ceil => {
            let count = room.div_ceil(stride) + 1;
            // A window that would start in the end padding is left out.
            if (count - 1) * stride >= input + begin { count - 1 } else { count }
        }
    }
}

fn same(input: usize, stride: usize, extent: usize, lower: bool) -> (usize, usize) {
    let count = input.div_ceil(stride);
    let total = (count.saturating_sub(1) * stride + extent).saturating_sub(input);
    let small = total / 2;
    if lower { (total - small, small) } else { (small, total - small) }
}

/// Strides, dilations and pads as written, one per spatial axis.
pub struct Steps {
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub pads: Pads,
}

pub enum Pads {
    /// Padding at all begins, then at all ends.
    Explicit(Vec<usize>),
    /// Padding that gives `ceil(input / stride)` outputs; an odd element is added before (`lower`) or after.
    Same { lower: bool },
}

impl Steps {
    pub fn read(call: &Call, operator: &str, rank: usize) -> Result<Steps> {
        let list = |name: &str, len: usize, default: usize, least: i64| -> Result<Vec<usize>> {
            let Some(values) = call.attributes.ints(name) else { return Ok(vec![default; len]) };
            if values.len() != len || values.iter().any(|v| !(least..LIMIT).contains(v)) {
                return Err(Error::new(format!("{operator} has {name} {values:?}"))
                    .with_help(format!("give {len} values, each at least {least}")));
            }
            Ok(values.iter().map(|&v| v as usize).collect())
        };
        let pads = match call.attributes.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" | "" => Pads::Explicit(list("pads", 2 * rank, 0, 0)?),
            "VALID" => Pads::Explicit(vec![0; 2 * rank]),
            "SAME_UPPER" => Pads::Same { lower: false },
            "SAME_LOWER" => Pads::Same { lower: true },
            other => {
                return Err(Error::new(format!("{operator} has auto_pad {other:?}"))
                    .with_help("use NOTSET, VALID, SAME_UPPER or SAME_LOWER"));
            }
        };
        Ok(Steps { strides: list("strides", rank, 1, 1)?, dilations: list("dilations", rank, 1, 1)?, pads })
    }
}

/// Reads `kernel_shape`, if it is written; each value is at least 1.
pub fn kernel_shape(call: &Call, operator: &str) -> Result<Option<Vec<usize>>> {
    let Some(values) = call.attributes.ints("kernel_shape") else { return Ok(None) };
    if values.iter().any(|v| !(1..LIMIT).contains(v)) {
        bail!("{operator} has kernel_shape {values:?}; every axis is at least 1");
    }
    Ok(Some(values.iter().map(|&v| v as usize).collect()))
}
