//! Reduce operators: sums of integers are exact, and so is the shift of a plain sum; all others are computed in float,
//! in the order of the elements (`dl_module_reduce_base.hpp`, `dl_module_reduce_*.hpp`).
//!
//! The chip uses `expf` and `logf` of its C library, whose last bit may differ from those used here.
//!
//! Never: windows.

use crate::chip::Family;
use crate::chip::QuantType;
use crate::{Result, bail};

use super::kernel::Kernel;
use super::node_context::Step;
use super::round::{finite, round, round_double, scale, shift};
use super::sqrt::newton;
use super::value::{Fact, QuantizedInteger};
use super::walk::{offsets, strides};

pub fn reduce(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => reduce_of::<i8>(step),
        QuantType::S16 => reduce_of::<i16>(step),
        _ => reduce_float(step),
    }
}

/// Groups of elements, each of which is reduced to one.
struct Groups {
    /// First element of each result's group.
    starts: Vec<usize>,
    /// Offsets of the group's elements from the first.
    offsets: Vec<usize>,
    dims: Vec<usize>,
}

fn groups(step: &Step, input: &Fact) -> Result<Groups> {
    let rank = input.dims.len();
    let axes = match step.optional(1) {
        Some(axes) if axes.len() > 0 => axes.constant()?.integers()?,
        _ if step.int("noop_with_empty_axes", 0) != 0 => bail!("it reduces no axis, but the chip reduces all"),
        _ => (0..rank as i64).collect(),
    };
    let axes = axes.iter().map(|&a| step.axis(a, rank)).collect::<Result<Vec<usize>>>()?;
    let turns = (1..rank).filter(|a| axes.contains(a) != axes.contains(&(a - 1))).count();
    if turns > 3 {
        bail!("axes {axes:?} of {rank} make {} groups, but the chip has loops for 4", turns + 1);
    }
    let strides = strides(&input.dims);
    let part = |reduced: bool| -> Vec<usize> {
        let own = (0..rank).filter(|a| axes.contains(a) == reduced);
        // In bounds: axes below the rank.
        offsets(&own.map(|a| (0, strides[a] as i64, input.dims[a])).collect::<Vec<_>>())
    };
    let (starts, offsets) = (part(false), part(true));
    if offsets.is_empty() {
        bail!("its input of shape {:?} has no elements to reduce", input.dims);
    }
    let keep = step.int("keepdims", 1) != 0;
    let size = |(a, &d): (usize, &usize)| if axes.contains(&a) { keep.then_some(1) } else { Some(d) };
    let mut dims: Vec<usize> = input.dims.iter().enumerate().filter_map(size).collect();
    if dims.is_empty() {
        dims.push(1);
    }
    Ok(Groups { starts, offsets, dims })
}

/// Operators of the family.
const OPERATORS: &[&str] = &[
    "ReduceMean",
    "ReduceSum",
    "ReduceL1",
    "ReduceSumSquare",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceProd",
    "ReduceMax",
    "ReduceMin",
];

fn reduce_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let input = step.quantized::<T>(0)?;
    let Groups { starts, offsets, dims } = groups(step, input)?;
    let (op, family) = (named(step)?, step.family());
    let (enter, leave) = (input.exponent(), step.exponent()?);
    step.makes(dims, move |inputs| {
        let values = inputs.quantized::<T>(0)?;
        let mut group = Vec::with_capacity(offsets.len());
        let mut made = Vec::with_capacity(starts.len());
        for start in &starts {
            group.clear();
            // In bounds: start and offset together stay inside the input.
            group.extend(offsets.iter().map(|offset| values[start + offset]));
            made.push(one(op, &group, enter, leave, family)?);
        }
        Ok(made)
    })
}

fn named(step: &Step) -> Result<&'static str> {
    match OPERATORS.iter().find(|op| **op == step.node.op) {
        Some(op) => Ok(op),
        None => step.unsupported(),
    }
}

fn one<T: QuantizedInteger>(op: &str, group: &[T], enter: i32, leave: i32, family: Family) -> Result<T> {
    let sum = |term: fn(i64) -> i64| -> i64 {
        let sum: i64 = group.iter().map(|x| term(x.wide())).sum();
        // An int32 at int8, which wraps.
        if T::BITS == 8 { (sum as i32).into() } else { sum }
    };
    let count = group.len() as f32;
    let (scaled, out) = (scale(enter)?, scale(-leave)?);
    let float = |x: &T| f32::from(x.short()) * scaled;
    let rounded = |x: f32| round(x * out, family);
    Ok(T::clamp_from(match op {
        "ReduceMean" => rounded(sum(|x| x) as f32 * scaled / count),
        "ReduceSum" => shift(sum(|x| x), leave - enter, family),
        "ReduceL1" => shift(sum(i64::abs), leave - enter, family),
        "ReduceSumSquare" => shift(sum(|x| x * x), leave - 2 * enter, family),
        "ReduceL2" => rounded(newton(sum(|x| x * x) as f32 * scale(2 * enter)?)?),
        "ReduceLogSum" => rounded(finite(libm::logf(sum(|x| x) as f32 * scaled))?),
        "ReduceLogSumExp" => {
            let sum = group.iter().fold(0f32, |sum, x| sum + libm::expf(float(x)));
            rounded(finite(libm::logf(sum))?)
        }
        // Float at int8, double at int16.
        "ReduceProd" if T::BITS == 8 => rounded(group.iter().fold(1f32, |product, x| product * float(x))),
        "ReduceProd" => {
            let product = group.iter().fold(1f64, |product, x| product * f64::from(float(x)));
            round_double(product * f64::from(out), family)
        }
        "ReduceMax" => group.iter().max().map_or(0, |x| x.wide()),
        "ReduceMin" => group.iter().min().map_or(0, |x| x.wide()),
        other => bail!("{other} is not a reduction"),
    }))
}

fn reduce_float(step: &Step) -> Result<Kernel> {
    let input = step.floats(0)?;
    let Groups { starts, offsets, dims } = groups(step, input)?;
    let op = named(step)?;
    Ok(step.makes_floats(dims, move |inputs| {
        let values = inputs.floats(0)?;
        let one = |start: &usize| -> Result<f32> {
            // In bounds: start and offset together stay inside the input.
            let all = offsets.iter().map(|offset| values[start + offset]);
            let sum = |term: fn(f32) -> f32| all.clone().fold(0f32, |sum, x| sum + term(x));
            Ok(match op {
                "ReduceMean" => sum(|x| x) / offsets.len() as f32,
                "ReduceSum" => sum(|x| x),
                "ReduceL1" => sum(f32::abs),
                "ReduceSumSquare" => sum(|x| x * x),
                "ReduceL2" => newton(sum(|x| x * x))?,
                "ReduceLogSum" => libm::logf(sum(|x| x)),
                "ReduceLogSumExp" => libm::logf(sum(libm::expf)),
                "ReduceProd" => all.fold(1f32, |product, x| product * x),
                "ReduceMax" => all.fold(f32::MIN, f32::max),
                "ReduceMin" => all.fold(f32::MAX, f32::min),
                other => bail!("{other} is not a reduction"),
            })
        };
        starts.iter().map(one).collect()
    }))
}
