//! Padding: pairs of lengths, those of the last axis first.

use super::shape;
use crate::graph::{Attribute, DataType, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Result, bail};

pub fn pad<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    match l.text(call, "mode", "constant")? {
        "constant" => constant(l, call),
        "reflect" => by_mode(l, call, "reflect", "pad"),
        "replicate" => by_mode(l, call, "edge", "pad"),
        "circular" => circular(l, call),
        other => bail!("mode='{other}' is not supported"),
    }
}

pub fn reflect<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    by_mode(l, call, "reflect", "padding")
}

pub fn replicate<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    by_mode(l, call, "edge", "padding")
}

/// Returns the pairs, and the number of axes.
fn pairs<'a>(l: &Lowering<'a>, call: Call<'a>, name: &str) -> Result<(Vec<i64>, usize)> {
    let (rank, pairs) = (l.shape(call, "self")?.len(), l.ints(call, name)?.unwrap_or_default());
    match pairs.len().is_multiple_of(2) && pairs.len() / 2 <= rank {
        true => Ok((pairs, rank)),
        false => bail!("'{name}' is {pairs:?} for {rank} dimensions"),
    }
}

/// Adds the nodes that bring the pairs into ONNX's order: all lengths before, then all behind.
fn pads<'a>(l: &mut Lowering<'a>, call: Call<'a>, name: &str) -> Result<ValueId> {
    let (pairs, rank) = pairs(l, call, name)?;
    let zeros = shape::filled(l, 2 * rank - pairs.len(), 0);
    let pairs = l.int_constant(pairs);
    let all = shape::joined(l, &[pairs, zeros]);
    let rows = l.int_constant(vec![-1, 2]);
    let rows = shape::reshape(l, all, rows);
    let ints = [-1, -i64::MAX, 0, -1].map(|int| l.int_constant(vec![int]));
    let turned = l.node("Slice", &[rows, ints[0], ints[1], ints[2], ints[3]], []);
    let columns = l.node("Transpose", &[turned], [("perm", Attribute::Ints(vec![1, 0]))]);
    let line = l.int_constant(vec![-1]);
    let line = shape::reshape(l, columns, line);
    Ok(l.node("Cast", &[line], [("to", Attribute::Int(DataType::I64.to_onnx()))]))
}

pub fn constant<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, kind) = (l.input(call, "self")?, l.output_kind(call)?);
    let pads = pads(l, call, "pad")?;
    let value = match call.argument("value") {
        None | Some(crate::model::pt2::schema::Argument::None) => None,
        Some(_) => Some(l.float(call, "value", 0.0)?),
    };
    let value = value.map(|value| l.number(value, kind));
    let mode = ("mode", Attribute::Text("constant".to_string()));
    let y = l.node_of("Pad", vec![Some(x), Some(pads), value], [mode], 1)[0];
    l.set(call, y)
}

fn by_mode<'a>(l: &mut Lowering<'a>, call: Call<'a>, mode: &str, name: &str) -> Result<()> {
    let x = l.input(call, "self")?;
    let pads = pads(l, call, name)?;
    let y = l.node("Pad", &[x, pads], [("mode", Attribute::Text(mode.to_string()))]);
    l.set(call, y)
}

/// The end goes before the start, and the start behind the end.
fn circular<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let mut y = l.input(call, "self")?;
    let (pairs, rank) = pairs(l, call, "pad")?;
    for (n, &[before, behind]) in pairs.as_chunks::<2>().0.iter().enumerate() {
        let axis = rank - 1 - n;
        if before < 0 || behind < 0 {
            bail!("a circular padding of {before} and {behind} is not supported")
        }
        let part = |l: &mut Lowering<'a>, start: i64, end: i64| {
            let bounds = [vec![start], vec![end], vec![axis as i64]].map(|ints| l.int_constant(ints));
            l.node("Slice", &[y, bounds[0], bounds[1], bounds[2]], [])
        };
        let mut parts = Vec::new();
        if before > 0 {
            parts.push(part(l, -before, i64::MAX));
        }
        parts.push(y);
        if behind > 0 {
            parts.push(part(l, 0, behind));
        }
        if parts.len() > 1 {
            y = l.node("Concat", &parts, [("axis", Attribute::Int(axis as i64))]);
        }
    }
    l.set(call, y)
}
