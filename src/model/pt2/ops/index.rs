//! Elements by number.

use crate::graph::{Attribute, DataType, Tensor};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::model::pt2::schema::Argument;
use crate::{Error, Result, bail};

const HELP: &str = "index one axis with a constant, or write the choice with torch.where, slices and torch.cat";

pub fn embedding<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (weight, indices) = (l.input(call, "weight")?, l.input(call, "indices")?);
    let y = l.node("Gather", &[weight, indices], []);
    l.set(call, y)
}

pub fn gather<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, indices, dim) = (l.input(call, "self")?, l.input(call, "index")?, l.int(call, "dim", 0)?);
    let y = l.node("GatherElements", &[x, indices], [("axis", Attribute::Int(dim))]);
    l.set(call, y)
}

pub fn index_select<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, indices, dim) = (l.input(call, "self")?, l.input(call, "index")?, l.int(call, "dim", 0)?);
    let y = l.node("Gather", &[x, indices], [("axis", Attribute::Int(dim))]);
    l.set(call, y)
}

/// `x[:, i]` with one tensor of numbers, or several constants for the first axes.
pub fn index<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let names: Vec<Option<&'a str>> = match call.argument("indices") {
        Some(Argument::OptionalTensors(names)) => names.iter().map(|name| name.as_deref()).collect(),
        Some(Argument::Tensors(names)) => names.iter().map(|name| Some(&**name)).collect(),
        _ => bail!("its indices are missing"),
    };
    let given: Vec<(usize, &'a str)> =
        names.iter().enumerate().filter_map(|(axis, name)| Some((axis, (*name)?))).collect();
    for (_, name) in &given {
        if matches!(l.kind_of(name)?, DataType::Bool | DataType::U8) {
            return Err(Error::new("chooses elements by a mask: their number depends on values").with_help(HELP));
        }
    }
    match given.as_slice() {
        [(axis, name)] => {
            let indices = l.value_of(name)?;
            let y = l.node("Gather", &[x, indices], [("axis", Attribute::Int(*axis as i64))]);
            l.set(call, y)
        }
        several => joint(l, call, several),
    }
}

/// Constant indices of the first axes together choose one element, or one part, each.
fn joint<'a>(l: &mut Lowering<'a>, call: Call<'a>, given: &[(usize, &'a str)]) -> Result<()> {
    let refusal = || Error::new("indexes several axes at once").with_help(HELP);
    let (x, shape, chosen) = (l.input(call, "self")?, l.shape(call, "self")?, l.output_shape(call)?);
    if given.is_empty() || given.len() > shape.len() || given.iter().enumerate().any(|(n, (axis, _))| n != *axis) {
        return Err(refusal());
    }
    let (front, rest) = shape.split_at(given.len());
    let Some(of_indices) = chosen.len().checked_sub(rest.len()).map(|rank| chosen[..rank].to_vec()) else {
        return Err(refusal());
    };
    l.program.claim(of_indices.iter().product())?;
    let mut joined = vec![0i64; of_indices.iter().product()];
    for ((_, name), &length) in given.iter().zip(front) {
        let value = l.value_of(name)?;
        let own = l.sizes(name)?;
        let Some(indices) = l.tensor(value).and_then(Tensor::to_i64s) else { return Err(refusal()) };
        for (at, place) in joined.iter_mut().enumerate() {
            let Some(&index) = indices.get(broadcast(at, &of_indices, &own)) else { return Err(refusal()) };
            let index = if index < 0 { index.saturating_add(length as i64) } else { index };
            if !(0..length as i64).contains(&index) {
                bail!("index {index} of an axis of {length}")
            }
            *place = *place * length as i64 + index;
        }
    }
    let mut flat = vec![front.iter().product::<usize>() as i64];
    flat.extend(rest.iter().map(|&length| length as i64));
    let flat = l.int_constant(flat);
    let flat = l.node("Reshape", &[x, flat], [("allowzero", Attribute::Int(0))]);
    let joined = l.constant(Tensor::new(&of_indices, joined)?);
    let y = l.node("Gather", &[flat, joined], [("axis", Attribute::Int(0))]);
    l.set(call, y)
}

/// Returns the place in a tensor of shape `own` for a place in one of shape `whole`, to which it is broadcast.
fn broadcast(at: usize, whole: &[usize], own: &[usize]) -> usize {
    let (mut rest, mut place, mut stride) = (at, 0, 1);
    for (n, &length) in whole.iter().enumerate().rev() {
        let here = rest % length.max(1);
        rest /= length.max(1);
        if let Some(&of_own) = (n + own.len()).checked_sub(whole.len()).and_then(|axis| own.get(axis)) {
            if of_own != 1 {
                place += here * stride;
            }
            stride *= of_own;
        }
    }
    place
}
