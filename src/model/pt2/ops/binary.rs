//! Arithmetic of two values, or of a value and a number.

use super::unary::to;
use crate::graph::{Attribute, DataType, ValueId};
use crate::model::pt2::lowering::{Call, Lowering, Operand};
use crate::{Result, bail};

/// Returns an operand as elements of a type.
pub fn as_kind(l: &mut Lowering, operand: Operand, kind: DataType) -> ValueId {
    match operand {
        Operand::Tensor(value, from) => to(l, value, from, kind),
        Operand::Int(int) => l.number(int as f64, kind),
        Operand::Float(float) => l.number(float, kind),
        Operand::Bool(flag) => l.number(f64::from(u8::from(flag)), kind),
    }
}

/// Returns both operands as elements of the result's type.
fn operands<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<(ValueId, ValueId, DataType)> {
    let kind = l.output_kind(call)?;
    let (x, y) = (l.operand(call, "self")?, l.operand(call, "other")?);
    let x = as_kind(l, x, kind);
    Ok((x, as_kind(l, y, kind), kind))
}

/// Returns the first operand if the second is a number that changes nothing. PyTorch leaves the node out, unless something
/// writes into its memory: then onnxsim removes it, and it has a name.
fn unchanged<'a>(l: &mut Lowering<'a>, call: Call<'a>, neutral: f64, op: &'static str) -> Result<Option<ValueId>> {
    let is_neutral = match l.operand(call, "other")? {
        Operand::Int(int) => int as f64 == neutral,
        Operand::Float(float) => float == neutral,
        Operand::Tensor(..) | Operand::Bool(_) => false,
    };
    match l.operand(call, "self")? {
        Operand::Tensor(value, kind) if is_neutral && kind == l.output_kind(call)? => {
            if l.is_written(call) {
                l.used(&[op]);
            }
            Ok(Some(value))
        }
        _ => Ok(None),
    }
}

fn binary<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str) -> Result<()> {
    let (x, y, _) = operands(l, call)?;
    let z = l.node(op, &[x, y], []);
    l.set(call, z)
}

pub fn mul<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    match unchanged(l, call, 1.0, "Mul")? {
        Some(same) => l.set(call, same),
        None => binary(l, call, "Mul"),
    }
}

pub fn maximum<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    limited(l, call, "Max", "min")
}

pub fn minimum<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    limited(l, call, "Min", "max")
}

/// Max and Min, whose second operand clamp_min and clamp_max call otherwise.
fn limited<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str, limit: &str) -> Result<()> {
    let kind = l.output_kind(call)?;
    let other = if call.argument("other").is_some() { "other" } else { limit };
    let (x, y) = (l.operand(call, "self")?, l.operand(call, other)?);
    let (x, y) = (as_kind(l, x, kind), as_kind(l, y, kind));
    let z = l.node(op, &[x, y], []);
    l.set(call, z)
}

pub fn pow<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let kind = l.output_kind(call)?;
    let (x, y) = (l.operand(call, "self")?, l.operand(call, "exponent")?);
    let (x, y) = (as_kind(l, x, kind), as_kind(l, y, kind));
    let z = l.node("Pow", &[x, y], []);
    l.set(call, z)
}

/// Multiplies the second operand by `alpha`, where that is not 1.
fn scaled<'a>(l: &mut Lowering<'a>, call: Call<'a>, y: ValueId, kind: DataType) -> Result<ValueId> {
    let alpha = l.float(call, "alpha", 1.0)?;
    if alpha == 1.0 {
        return Ok(y);
    }
    let alpha = l.number(alpha, kind);
    Ok(l.node("Mul", &[y, alpha], []))
}

pub fn add<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    if let Some(same) = unchanged(l, call, 0.0, "Add")? {
        return l.set(call, same);
    }
    let (x, y, kind) = operands(l, call)?;
    let y = scaled(l, call, y, kind)?;
    let z = l.node("Add", &[x, y], []);
    l.set(call, z)
}

pub fn sub<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    if let Some(same) = unchanged(l, call, 0.0, "Sub")? {
        return l.set(call, same);
    }
    let (x, y, kind) = operands(l, call)?;
    let y = scaled(l, call, y, kind)?;
    let z = l.node("Sub", &[x, y], []);
    l.set(call, z)
}

/// The first operand is subtracted from the second.
pub fn rsub<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, y, kind) = operands(l, call)?;
    let x = scaled(l, call, x, kind)?;
    let z = l.node("Sub", &[y, x], []);
    l.set(call, z)
}

pub fn div<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    match unchanged(l, call, 1.0, "Div")? {
        Some(same) => l.set(call, same),
        None => binary(l, call, "Div"),
    }
}

pub fn div_rounded<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    match l.text(call, "rounding_mode", "")? {
        "" => div(l, call),
        "floor" => floor_divide(l, call),
        "trunc" => {
            let (x, y, kind) = operands(l, call)?;
            let quotient = l.node("Div", &[x, y], []);
            let whole = to(l, quotient, kind, DataType::I64);
            let z = to(l, whole, DataType::I64, kind);
            l.set(call, z)
        }
        other => bail!("rounding_mode='{other}' is not supported"),
    }
}

pub fn floor_divide<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, y, kind) = operands(l, call)?;
    let quotient = l.node("Div", &[x, y], []);
    let is_float = matches!(kind, DataType::F32 | DataType::F64);
    // ONNX's Div of integers cuts off, which is the floor of positive ones.
    let z = if is_float { l.node("Floor", &[quotient], []) } else { quotient };
    l.set(call, z)
}

pub fn remainder<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, y, kind) = operands(l, call)?;
    let z = match kind {
        DataType::F32 | DataType::F64 => {
            let quotient = l.node("Div", &[x, y], []);
            let floor = l.node("Floor", &[quotient], []);
            let whole = l.node("Mul", &[floor, y], []);
            l.node("Sub", &[x, whole], [])
        }
        _ => l.node("Mod", &[x, y], [("fmod", Attribute::Int(0))]),
    };
    l.set(call, z)
}

pub fn addcmul<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    with_product(l, call, "Mul")
}

pub fn addcdiv<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    with_product(l, call, "Div")
}

fn with_product<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str) -> Result<()> {
    let x = l.input(call, "self")?;
    let (a, b) = (l.input(call, "tensor1")?, l.input(call, "tensor2")?);
    let value = l.float(call, "value", 1.0)?;
    let kind = l.output_kind(call)?;
    let product = l.node(op, &[a, b], []);
    let factor = l.number(value, kind);
    let scaled = l.node("Mul", &[product, factor], []);
    let y = l.node("Add", &[x, scaled], []);
    l.set(call, y)
}

pub fn lerp<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, end) = (l.input(call, "self")?, l.input(call, "end")?);
    let (weight, kind) = (l.operand(call, "weight")?, l.output_kind(call)?);
    let weight = as_kind(l, weight, kind);
    let difference = l.node("Sub", &[end, x], []);
    let part = l.node("Mul", &[weight, difference], []);
    let y = l.node("Add", &[x, part], []);
    l.set(call, y)
}
