//! Comparisons, logic, and choices by them.

use super::binary::as_kind;
use super::unary::to;
use crate::Result;
use crate::graph::{Attribute, DataType};
use crate::model::pt2::lowering::{Call, Lowering, Operand};

fn compare<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str) -> Result<crate::graph::ValueId> {
    let (x, y) = (l.operand(call, "self")?, l.operand(call, "other")?);
    let kind = common(x, y);
    let (x, y) = (as_kind(l, x, kind), as_kind(l, y, kind));
    Ok(l.node(op, &[x, y], []))
}

/// Returns the type in which two operands are compared: the wider one, a float if one is.
fn common(x: Operand, y: Operand) -> DataType {
    let of = |operand: Operand| match operand {
        Operand::Tensor(_, kind) => Some(kind),
        _ => None,
    };
    let is_float = |kind: DataType| matches!(kind, DataType::F32 | DataType::F64);
    match (of(x), of(y)) {
        (Some(a), Some(b)) if is_float(a) || !is_float(b) && a.size() >= b.size() => a,
        (_, Some(b)) => match x {
            Operand::Float(_) if !is_float(b) => DataType::F32,
            _ => b,
        },
        (Some(a), None) => match y {
            Operand::Float(_) if !is_float(a) => DataType::F32,
            _ => a,
        },
        (None, None) => DataType::F32,
    }
}

macro_rules! comparisons {
    ($($name:ident $onnx:literal;)*) => {
        $(pub fn $name<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
            let y = compare(l, call, $onnx)?;
            l.set(call, y)
        })*
    };
}

comparisons! {
    and "And";
    equal "Equal";
    greater "Greater";
    greater_or_equal "GreaterOrEqual";
    less "Less";
    less_or_equal "LessOrEqual";
    or "Or";
}

pub fn not_equal<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let equal = compare(l, call, "Equal")?;
    let y = l.node("Not", &[equal], []);
    l.set(call, y)
}

pub fn masked_fill<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, kind) = (l.input(call, "self")?, l.output_kind(call)?);
    let (mask, of_mask) = (l.input(call, "mask")?, l.kind(call, "mask")?);
    let mask = match of_mask {
        // The exporter casts even these.
        DataType::Bool => l.node("Cast", &[mask], [("to", Attribute::Int(DataType::Bool.to_onnx()))]),
        _ => to(l, mask, of_mask, DataType::Bool),
    };
    let value = l.operand(call, "value")?;
    let value = as_kind(l, value, kind);
    let y = l.node("Where", &[mask, value, x], []);
    l.set(call, y)
}

pub fn choose<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (condition, of_condition) = (l.input(call, "condition")?, l.kind(call, "condition")?);
    let condition = to(l, condition, of_condition, DataType::Bool);
    let kind = l.output_kind(call)?;
    let (x, y) = (l.operand(call, "self")?, l.operand(call, "other")?);
    let (x, y) = (as_kind(l, x, kind), as_kind(l, y, kind));
    let z = l.node("Where", &[condition, x, y], []);
    l.set(call, z)
}
