//! MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD: over height and width a global pooling, else a reduction.

use super::axis;
use super::window::ints;
use crate::Result;
use crate::graph::Attribute;
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Lowering, Placed};

pub fn mean(l: &mut Lowering, op: &Operator) -> Result<()> {
    reduce(l, op, "ReduceMean", Some("GlobalAveragePool"))
}

pub fn maximum(l: &mut Lowering, op: &Operator) -> Result<()> {
    reduce(l, op, "ReduceMax", Some("GlobalMaxPool"))
}

pub fn sum(l: &mut Lowering, op: &Operator) -> Result<()> {
    reduce(l, op, "ReduceSum", None)
}

pub fn minimum(l: &mut Lowering, op: &Operator) -> Result<()> {
    reduce(l, op, "ReduceMin", None)
}

pub fn product(l: &mut Lowering, op: &Operator) -> Result<()> {
    reduce(l, op, "ReduceProd", None)
}

fn reduce(l: &mut Lowering, op: &Operator, onnx: &str, pool: Option<&str>) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let listed = l.ints(op.input(1)?, "axes")?;
    let mut axes: Vec<usize> = listed.iter().map(|&a| axis(a, shape.len())).collect::<Result<_>>()?;
    axes.sort_unstable();
    axes.dedup();
    let keeps = op.flag(0)?;
    let kept: Vec<usize> = shape
        .iter()
        .enumerate()
        .filter(|(at, _)| keeps || !axes.contains(at))
        .map(|(at, &length)| if axes.contains(&at) { 1 } else { length })
        .collect();
    if let Some(pool) = pool.filter(|_| shape.len() == 4 && axes == [1, 2]) {
        let x = l.first(input)?;
        if keeps {
            return l.emit(op, pool, &[Some(x)], [], Placed::new(Layout::First, kept));
        }
        let base = l.base(op);
        let value = l.value(&format!("{base}/{pool}"));
        l.node_to(&base, pool, &[Some(x)], [], &[value]);
        let sides = l.int_constant(&format!("{base}/Squeeze/axes"), vec![2, 3]);
        let last = l.value(&base);
        l.node_to(&format!("{base}/Squeeze"), "Squeeze", &[Some(value), Some(sides)], [], &[last]);
        return l.set(op.output()?, last, Layout::Plain, kept);
    }
    // What is left of channels first is in TFLite's order once the channels, or height and width, are gone.
    let in_order = axes.contains(&3) || axes.contains(&1) && axes.contains(&2);
    let layout = if l.is_first(input) && (keeps || in_order) { Layout::First } else { Layout::Plain };
    let x = l.laid(input, layout)?;
    let mut places: Vec<usize> = axes.iter().map(|&a| layout.axis(a)).collect();
    places.sort_unstable();
    let places = l.int_constant(&format!("{}/axes", l.base(op)), ints(&places));
    let attributes = [("keepdims", Attribute::Int(keeps.into()))];
    let made = if keeps { layout } else { Layout::Plain };
    l.emit(op, onnx, &[Some(x), Some(places)], attributes, Placed::new(made, kept))
}
