//! Parts shared by the Reduce operators: axes by operator set, and one pass over the input.

use crate::chip::{Axes, Buffer, Checked, Chip, Effect, Family, Limit, NodeView, Scales, Support};
use crate::graph::axes::from_front;
use crate::graph::{DataType, Tensor};
use crate::{Result, bail};

use super::axes;
use super::broadcast::fold_axes;
use super::layout::slice;
use super::operands::required;
use super::{Call, Fact, Kernel};

/// All reductions share one kernel and its limits.
pub const CHIP: Support = Support::Runs(&SUM);

/// Chooses the least or greatest integer, which keeps its exponent.
pub const EXTREME: Support = Support::Runs(&Chip { scales: Scales::OfInput, ..SUM });

const SUM: Chip = Chip { axes: Axes::Reduced, limits: &[&NOTHING, &RANK], buffer: Buffer::Overwritten, ..Chip::PLAIN };

/// The kernel treats an empty list of axes as all axes; the exporter reduces an axis of size 1.
pub static NOTHING: Limit = Limit {
    name: "reduction-of-nothing",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: nothing,
    help: "remove the layer, or reduce an axis of size 1",
    source: "dl_module_reduce_base.hpp",
};

pub static RANK: Limit = Limit {
    name: "reduction-rank",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: reduced,
    help: "reduce the axes one after another: the chip leaves the output unwritten",
    source: "dl_module_reduce_base.hpp",
};

fn reduced(node: &dyn NodeView) -> Checked {
    let Some(rank) = node.rank(0) else { return Ok(None) };
    let axes = match node.input(1) {
        Some(_) => node.constant(1),
        None => Some(node.ints("axes")?.to_vec()),
    };
    let Some(axes) = axes else { return Ok(Some(format!("{} over axes that are computed", node.op()))) };
    let runs = merged_reduction(rank, &axes);
    Ok((runs > 4).then(|| {
        format!(
            "{} over axes {axes:?} of {rank} has {runs} groups of reduced and kept axes; the runtime supports up to 4",
            node.op()
        )
    }))
}

/// Counts the groups of neighbouring axes that are all reduced or all kept; an empty list of axes means all axes.
fn merged_reduction(rank: usize, axes: &[i64]) -> usize {
    let places: Vec<usize> = axes.iter().filter_map(|&axis| from_front(axis, rank)).collect();
    let mut flags: Vec<bool> = (0..rank).map(|axis| axes.is_empty() || places.contains(&axis)).collect();
    flags.dedup();
    flags.len()
}

fn nothing(node: &dyn NodeView) -> Checked {
    if !node.is_written() {
        return Ok(None);
    }
    let axes = match node.input(1) {
        Some(_) => node.constant(1),
        None => Some(node.ints("axes")?.to_vec()),
    };
    let is_nothing = node.int("noop_with_empty_axes", 0)? != 0 && axes.is_some_and(|axes| axes.is_empty());
    Ok(is_nothing.then(|| format!("{} of no axes, which the chip treats as all axes", node.op())))
}

struct Plan {
    /// Reduced axes of the input.
    reduced: Vec<bool>,
    shape: Vec<usize>,
}

fn plan(call: &Call) -> Result<Option<Plan>> {
    let x = required(call, 0, "a reduction")?;
    let rank = x.shape.len();
    let axes = axes::constant_ints(call, "axes", 1)?.unwrap_or_default();
    if axes.is_empty() && call.attributes.int_or("noop_with_empty_axes", 0) != 0 {
        return Ok(None);
    }
    let mut reduced = vec![axes.is_empty(); rank];
    axes::normalize_all(&axes, rank)?.into_iter().for_each(|a| reduced[a] = true);
    let keep = call.attributes.int_or("keepdims", 1) != 0;
    let sides = x.shape.iter().zip(&reduced);
    let shape = sides.filter_map(|(&d, &r)| if !r { Some(d) } else { keep.then_some(1) }).collect();
    Ok(Some(Plan { reduced, shape }))
}

pub fn infer(call: &Call) -> Result<Vec<Fact>> {
    let x = required(call, 0, "a reduction")?;
    let shape = plan(call)?.map_or_else(|| x.shape.clone(), |p| p.shape);
    Ok(vec![Fact::new(x.data_type, shape)])
}

/// Prepares a reduction: `step` adds one element to the running value, `finish` makes the result from the running value
/// and the count. Both use float64: sums of float32 are exact enough in any order.
pub fn prepare<S, F>(call: &Call, start: f64, step: S, finish: F) -> Result<Box<dyn Kernel>>
where
    S: Fn(f64, f64) -> f64 + Send + Sync + 'static,
    F: Fn(f64, f64) -> f64 + Send + Sync + 'static,
{
    Ok(Box::new(Reduce { plan: plan(call)?, start, step, finish }))
}

/// Reduction; its functions have their own types, so that they are compiled into the loop.
struct Reduce<S, F> {
    plan: Option<Plan>,
    start: f64,
    step: S,
    finish: F,
}

impl<S, F> Kernel for Reduce<S, F>
where
    S: Fn(f64, f64) -> f64 + Send + Sync,
    F: Fn(f64, f64) -> f64 + Send + Sync,
{
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let Some(x) = inputs.into_iter().next().flatten() else { bail!("input 0 is missing") };
        let Some(plan) = &self.plan else {
            // An explicitly empty list of axes: each element is reduced alone.
            let each = vec![false; x.rank()];
            let shape = x.shape().to_vec();
            return self.fold(&x, &each, &shape);
        };
        self.fold(&x, &plan.reduced, &plan.shape)
    }
}

impl<S: Fn(f64, f64) -> f64, F: Fn(f64, f64) -> f64> Reduce<S, F> {
    fn fold(&self, x: &Tensor, reduced: &[bool], shape: &[usize]) -> Result<Vec<Tensor>> {
        let Reduce { start, step, finish, .. } = self;
        let count = x.shape().iter().zip(reduced).filter(|(_, r)| **r).map(|(d, _)| *d as f64).product();
        let sums = match x {
            Tensor::F32(_) => fold_axes(x.shape(), reduced, slice::<f32>(x), *start, |sum, v| step(sum, v.into())),
            Tensor::F64(_) => fold_axes(x.shape(), reduced, slice::<f64>(x), *start, step),
            _ => fold_axes(x.shape(), reduced, &widened(x)?, *start, step),
        };
        Ok(vec![narrowed(x.data_type(), shape, sums.into_iter().map(|sum| finish(sum, count)).collect())?])
    }
}

/// Converts integers and booleans to float64.
fn widened(x: &Tensor) -> Result<Vec<f64>> {
    macro_rules! widen {
        ($($variant:ident $type:ty),*) => {
            match x {
                $(Tensor::$variant(_) => slice::<$type>(x).iter().map(|&v| v as f64).collect(),)*
                Tensor::Bool(_) => slice::<bool>(x).iter().map(|&v| f64::from(v)).collect(),
                other => bail!("a reduction does not take {}", other.data_type().name()),
            }
        };
    }
    Ok(widen!(I8 i8, I32 i32, I64 i64, U8 u8, U32 u32, U64 u64))
}

/// Converts the results to the input's type. The maximum of booleans is any, the minimum all.
fn narrowed(data_type: DataType, shape: &[usize], results: Vec<f64>) -> Result<Tensor> {
    macro_rules! narrow {
        ($($variant:ident $type:ty),*) => {
            match data_type {
                $(DataType::$variant => Tensor::new(shape, results.iter().map(|&v| v as $type).collect()),)*
                DataType::F64 => Tensor::new(shape, results),
                DataType::Bool => Tensor::new(shape, results.iter().map(|&v| v > 0.0).collect()),
                other => bail!("a reduction does not take {}", other.name()),
            }
        };
    }
    narrow!(F32 f32, I8 i8, I32 i32, I64 i64, U8 u8, U32 u32, U64 u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_are_reduced_together_count_once() {
        assert_eq!(merged_reduction(5, &[3, -1]), 2);
        assert_eq!(merged_reduction(5, &[1, 3]), 5);
        assert_eq!(merged_reduction(5, &[]), 1);
    }
}
