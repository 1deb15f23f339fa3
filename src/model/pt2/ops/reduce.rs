//! Reductions.

use super::unary::to;
use crate::graph::{Attribute, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Result, bail};

/// Returns the axes of a reduction; empty for all.
fn axes<'a>(l: &Lowering<'a>, call: Call<'a>) -> Result<Vec<i64>> {
    Ok(l.ints(call, "dim")?.unwrap_or_default())
}

fn keeps(flag: bool) -> (&'static str, Attribute) {
    ("keepdims", Attribute::Int(i64::from(flag)))
}

/// Adds a reduction over axes; over all where there are none.
fn over(l: &mut Lowering, op: &'static str, x: ValueId, axes: Vec<i64>, keep: bool) -> ValueId {
    match axes.is_empty() {
        true => l.node(op, &[x], [keeps(keep)]),
        false => {
            let axes = l.int_constant(axes);
            l.node(op, &[x, axes], [keeps(keep)])
        }
    }
}

fn plain<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str) -> Result<()> {
    let x = l.input(call, "self")?;
    let (from, into) = (l.kind(call, "self")?, l.output_kind(call)?);
    let x = to(l, x, from, into);
    let (axes, keep) = (axes(l, call)?, l.flag(call, "keepdim", false)?);
    let y = over(l, op, x, axes, keep);
    l.set(call, y)
}

macro_rules! operators {
    ($($name:ident $onnx:literal;)*) => {
        $(pub fn $name<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> { plain(l, call, $onnx) })*
    };
}

operators! {
    maximum "ReduceMax";
    mean "ReduceMean";
    minimum "ReduceMin";
    product "ReduceProd";
    sum "ReduceSum";
}

pub fn max_of_dim<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    with_place(l, call, "ReduceMax", "ArgMax")
}

pub fn min_of_dim<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    with_place(l, call, "ReduceMin", "ArgMin")
}

fn with_place<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str, place: &'static str) -> Result<()> {
    let (x, dim, keep) = (l.input(call, "self")?, l.int(call, "dim", 0)?, l.flag(call, "keepdim", false)?);
    let values = over(l, op, x, vec![dim], keep);
    let places = l.node(place, &[x], [("axis", Attribute::Int(dim)), keeps(keep)]);
    l.set_all(call, &[values, places])
}

pub fn arg_max<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    place(l, call, "ArgMax")
}

pub fn arg_min<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    place(l, call, "ArgMin")
}

fn place<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str) -> Result<()> {
    let x = l.input(call, "self")?;
    let y = match l.optional_int(call, "dim")? {
        Some(dim) => l.node(op, &[x], [("axis", Attribute::Int(dim)), keeps(l.flag(call, "keepdim", false)?)]),
        None => {
            let line = l.int_constant(vec![-1]);
            let line = l.node("Reshape", &[x, line], [("allowzero", Attribute::Int(0))]);
            l.node(op, &[line], [("axis", Attribute::Int(0)), keeps(false)])
        }
    };
    l.set(call, y)
}

pub fn cumsum<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let (from, into) = (l.kind(call, "self")?, l.output_kind(call)?);
    let x = to(l, x, from, into);
    let axis = l.number(l.int(call, "dim", 0)? as f64, crate::graph::DataType::I64);
    let y = l.node("CumSum", &[x, axis], []);
    l.set(call, y)
}

pub fn vector_norm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let order = if call.argument("p").is_some() { "p" } else { "ord" };
    match l.float(call, order, 2.0)? {
        1.0 => plain(l, call, "ReduceL1"),
        2.0 => plain(l, call, "ReduceL2"),
        other => bail!("of order {other} is not supported"),
    }
}

pub fn variance<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let y = spread(l, call)?;
    l.set(call, y)
}

pub fn deviation<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let variance = spread(l, call)?;
    let y = l.node("Sqrt", &[variance], []);
    l.set(call, y)
}

/// The mean of the squared distances from the mean, as the exporter writes it.
fn spread<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<ValueId> {
    let (x, shape, kind) = (l.input(call, "self")?, l.shape(call, "self")?, l.output_kind(call)?);
    let (axes, keep) = (axes(l, call)?, l.flag(call, "keepdim", false)?);
    let correction = match call.argument("unbiased") {
        Some(_) => f64::from(u8::from(l.flag(call, "unbiased", true)?)),
        None => l.float(call, "correction", 1.0)?,
    };
    let mean = over(l, "ReduceMean", x, axes.clone(), true);
    let distance = l.node("Sub", &[x, mean], []);
    let square = l.node("Mul", &[distance, distance], []);
    let variance = over(l, "ReduceMean", square, axes.clone(), keep);
    if correction == 0.0 {
        return Ok(variance);
    }
    let mut count = 1.0;
    for (axis, &length) in shape.iter().enumerate() {
        let is_reduced = axes.iter().any(|&of| crate::graph::axes::from_front(of, shape.len()) == Some(axis));
        if axes.is_empty() || is_reduced {
            count *= length as f64;
        }
    }
    let whole = l.number(count, kind);
    let scaled = l.node("Mul", &[variance, whole], []);
    let less = l.number(count - correction, kind);
    Ok(l.node("Div", &[scaled, less], []))
}

pub fn topk<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, count, dim) = (l.input(call, "self")?, l.int(call, "k", 1)?, l.int(call, "dim", -1)?);
    let flag = |name: &'static str| -> Result<(&'static str, Attribute)> {
        Ok((name, Attribute::Int(i64::from(l.flag(call, name, true)?))))
    };
    let attributes = [("axis", Attribute::Int(dim)), flag("largest")?, flag("sorted")?];
    let count = l.int_constant(vec![count]);
    let made = l.node_of("TopK", vec![Some(x), Some(count)], attributes, 2);
    l.set_all(call, &made)
}
