//! Operators of one value, element by element, and those that change nothing.

use crate::Result;
use crate::graph::{Attribute, DataType};
use crate::model::pt2::lowering::{Call, Lowering};

macro_rules! operators {
    ($($name:ident $onnx:literal;)*) => {
        $(pub fn $name<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> { plain(l, call, $onnx) })*
    };
}

operators! {
    abs "Abs";
    ceil "Ceil";
    cos "Cos";
    erf "Erf";
    exp "Exp";
    floor "Floor";
    log "Log";
    neg "Neg";
    not "Not";
    reciprocal "Reciprocal";
    round "Round";
    sigmoid "Sigmoid";
    sign "Sign";
    sin "Sin";
    sqrt "Sqrt";
    tanh "Tanh";
}

/// Adds a node of the first input alone.
pub fn plain<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str) -> Result<()> {
    let x = l.input(call, own(call))?;
    let y = l.node(op, &[x], []);
    l.set(call, y)
}

/// Returns the name of the first argument, which differs.
fn own(call: Call<'_>) -> &str {
    call.node.inputs.first().map_or("self", |named| &*named.name)
}

/// Operators without an effect when a model is not trained.
pub fn same<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, own(call))?;
    l.set(call, x)
}

pub fn square<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let y = l.node("Mul", &[x, x], []);
    l.set(call, y)
}

pub fn rsqrt<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let root = l.node("Sqrt", &[x], []);
    let one = l.number(1.0, l.kind(call, "self")?);
    let y = l.node("Div", &[one, root], []);
    l.set(call, y)
}

pub fn cast<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let y = to(l, x, l.kind(call, "self")?, l.output_kind(call)?);
    l.set(call, y)
}

/// Returns a value as elements of another type.
pub fn to(l: &mut Lowering, x: crate::graph::ValueId, from: DataType, to: DataType) -> crate::graph::ValueId {
    match from == to {
        true => x,
        false => l.node("Cast", &[x], [("to", Attribute::Int(to.to_onnx()))]),
    }
}
