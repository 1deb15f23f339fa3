//! ReduceMean, ReduceSum, ReduceMax, ReduceMin: the sum is exact, its scaling is in float (`dl_module_reduce_*.hpp`).
//!
//! Never: windows.

use crate::espdl::QuantType;
use crate::{Result, bail};

use super::moves::{strides, walk};
use super::round::{round, scale};
use super::step::Step;
use super::value::{Value, Whole};

pub fn reduce(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => reduce_of::<i8>(step),
        QuantType::S16 => reduce_of::<i16>(step),
        _ => step.unsupported(),
    }
}

fn reduce_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let rank = input.dims.len();
    let axes = match step.optional(1) {
        Some(axes) if axes.data.len() > 0 => axes.integers()?,
        _ if step.int("noop_with_empty_axes", 0) != 0 => Vec::new(),
        _ => (0..rank as i64).collect(),
    };
    let axes = axes.iter().map(|&a| step.axis(a, rank)).collect::<Result<Vec<usize>>>()?;
    let strides = strides(&input.dims);
    let part = |reduced: bool| -> Vec<usize> {
        let own = (0..rank).filter(|a| axes.contains(a) == reduced);
        // In bounds: axes below the rank.
        walk(&own.map(|a| (0, strides[a] as i64, input.dims[a])).collect::<Vec<_>>())
    };
    let (kept, gone) = (part(false), part(true));
    if gone.is_empty() {
        bail!("it reduces no element of {:?}", input.dims);
    }
    let values = input.whole::<T>()?;
    let (enter, leave, family) = (scale(input.exponent()), scale(-step.exponent()?), step.family());
    let one = |&base: &usize| -> Result<T> {
        // In bounds: both walks together stay inside the input.
        let all = gone.iter().map(|&i| values[base + i]);
        Ok(match step.node.op.as_str() {
            "ReduceMean" => {
                let sum: i64 = all.map(T::wide).sum();
                T::clamp_from(round(sum as f32 * enter / gone.len() as f32 * leave, family))
            }
            "ReduceSum" => {
                let sum: i64 = all.map(T::wide).sum();
                T::clamp_from(round(sum as f32 * enter * leave, family))
            }
            "ReduceMax" => all.max().unwrap_or_default(),
            "ReduceMin" => all.min().unwrap_or_default(),
            _ => return step.unsupported(),
        })
    };
    let made = kept.iter().map(one).collect::<Result<Vec<T>>>()?;
    let keep = step.int("keepdims", 1) != 0;
    let size = |(a, &d): (usize, &usize)| if axes.contains(&a) { keep.then_some(1) } else { Some(d) };
    let mut dims: Vec<usize> = input.dims.iter().enumerate().filter_map(size).collect();
    if dims.is_empty() {
        dims.push(1);
    }
    step.whole(dims, made)
}
