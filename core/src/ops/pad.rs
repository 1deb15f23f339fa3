//! Pad: constant, reflect, edge or wrap; attributes before operator set 11. <https://onnx.ai/onnx/operators/onnx__Pad.html>

use super::axes::{constant_ints, normalize};
use super::layout::{AxisMap, each_type, remap, slice};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Chip, Effect, Family, Limit, Scales, Support};
use crate::graph::{Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Pad",
    treatment: Treatment { float_inputs: &[1, 2, 3], bounds: &[2], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip {
        limits: &[&MODE, &AXES, &NEGATIVE, &RANK, &NO_MODE, &COUNT],
        scales: Scales::OfInput,
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

pub static MODE: Limit = Limit {
    name: "pad-mode",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        let mode = node.text("mode", "constant")?;
        Ok((!matches!(mode, "constant" | "edge" | "reflect"))
            .then(|| format!("Pad with mode {mode:?}, at which the chip stops while loading")))
    },
    help: "pad with constant, edge or reflect",
    source: "dl_module_pad.hpp",
};

pub static AXES: Limit = Limit {
    name: "pad-axes",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: |node| Ok(node.input(3).map(|_| "Pad with axes, which the runtime does not read".to_string())),
    help: "give pads for every axis",
    source: "dl_base_pad.cpp, get_pad_shape",
};

/// The exporter crops with a Slice.
pub static NEGATIVE: Limit = Limit {
    name: "pad-negative",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: |node| {
        let pads = node.constant(1).filter(|pads| node.is_written() && pads.iter().any(|&pad| pad < 0));
        Ok(pads.map(|pads| format!("Pad with pads {pads:?}; the chip cannot crop, and writes before its output")))
    },
    help: "crop with a Slice, then pad",
    source: "dl_base_pad.cpp",
};

pub static RANK: Limit = Limit {
    name: "pad-rank",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let mode = node.text("mode", "constant")?;
        let rank = node.rank(0).filter(|&rank| mode != "constant" && rank > 4);
        Ok(rank.map(|rank| format!("Pad with mode {mode:?} of {rank} dimensions; the runtime has up to 4")))
    },
    help: "merge dimensions with a Reshape before it",
    source: "dl_base_pad.cpp",
};

/// The exporter writes the mode, even if it is the default.
pub static NO_MODE: Limit = Limit {
    name: "pad-without-mode",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        let is_missing = node.is_written() && node.attribute("mode").is_none();
        Ok(is_missing.then(|| "it has no attribute mode, at which the chip stops while loading".to_string()))
    },
    help: "write the attribute mode, even if it is the default",
    source: "dl_module_pad.hpp",
};

pub static COUNT: Limit = Limit {
    name: "pad-count",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        let (Some(pads), Some(rank)) = (node.constant(1), node.rank(0)) else { return Ok(None) };
        let is_wrong = node.is_written() && pads.len() != rank.saturating_mul(2);
        Ok(is_wrong.then(|| {
            format!(
                "it has {} pads for an input of {rank} dimensions; the chip stops unless each dimension has two",
                pads.len()
            )
        }))
    },
    help: "give pads for every axis, and remove the input axes",
    source: "dl_base_pad.cpp, get_pad_shape",
};

/// Padding at begin and end of each axis; negative values crop.
fn pads(call: &Call) -> Result<Vec<(i64, i64)>> {
    let x = required(call, 0, "Pad")?;
    let rank = x.shape.len();
    let Some(pads) = constant_ints(call, "pads", 1)? else { bail!("Pad has no pads") };
    let axes = match constant_ints(call, "axes", 3)? {
        Some(axes) => axes.into_iter().map(|a| normalize(a, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * axes.len() {
        bail!("Pad has {} pads for {} axes", pads.len(), axes.len());
    }
    let mut all = vec![(0, 0); rank];
    for (i, &axis) in axes.iter().enumerate() {
        all[axis] = (pads[i], pads[i + axes.len()]);
    }
    Ok(all)
}

fn shape(call: &Call) -> Result<Vec<usize>> {
    let x = required(call, 0, "Pad")?;
    let mut shape = Vec::with_capacity(x.shape.len());
    for (&size, (begin, end)) in x.shape.iter().zip(pads(call)?) {
        let padded = i128::from(begin) + i128::from(end) + size as i128;
        match usize::try_from(padded) {
            Ok(padded) => shape.push(padded),
            Err(_) => bail!("Pad by {begin} and {end} removes all of an axis of {size}"),
        }
    }
    checked_len(&shape)?;
    Ok(shape)
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "Pad")?.data_type, shape(call)?)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "Pad")?;
    let mode = call.attributes.text("mode").unwrap_or("constant");
    let sides = x.shape.iter().zip(shape(call)?).zip(pads(call)?);
    let maps = sides.map(|((&size, padded), (begin, _))| axis_map(mode, size as i64, padded, begin));
    let old = call.attributes.float("value").unwrap_or(0.0);
    Ok(Box::new(Pad { maps: maps.collect::<Result<_>>()?, value: old }))
}

fn axis_map(mode: &str, size: i64, padded: usize, begin: i64) -> Result<AxisMap> {
    if size == 0 && padded > 0 && mode != "constant" {
        bail!("Pad in mode {mode} has no element to repeat");
    }
    let inside = |i: i64| (0..size).contains(&i).then_some(i as usize);
    let source = |i: i64| match mode {
        "constant" => Ok(inside(i)),
        "edge" => Ok(inside(i.clamp(0, size - 1))),
        "wrap" => Ok(inside(i.rem_euclid(size))),
        "reflect" => {
            let period = (2 * (size - 1)).max(1);
            let folded = i.rem_euclid(period);
            Ok(inside(if size == 1 { 0 } else { folded.min(period - folded) }))
        }
        other => bail!("Pad has no mode {other}"),
    };
    (0..padded as i64).map(|i| source(i - begin)).collect()
}

struct Pad {
    maps: Vec<AxisMap>,
    /// Fill value before operator set 11.
    value: f32,
}

impl Kernel for Pad {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let Some(Some(x)) = inputs.first() else { bail!("input 0 is missing") };
        let fill = inputs.get(2).and_then(Option::as_ref);
        Ok(vec![match (x, fill) {
            (Tensor::F32(_), None) => remap(x, &self.maps, self.value)?,
            (Tensor::F64(_), None) => remap(x, &self.maps, f64::from(self.value))?,
            _ => each_type!(x, T => remap(x, &self.maps, first::<T>(fill))?),
        }])
    }
}

fn first<T: Element>(fill: Option<&Tensor>) -> T {
    fill.and_then(|f| slice::<T>(f).first().copied()).unwrap_or_default()
}
