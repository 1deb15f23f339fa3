//! gelu, as the exporter writes it below operator set 20.

use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Result, bail};

pub fn gelu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    match l.text(call, "approximate", "none")? {
        "none" => by_erf(l, call),
        "tanh" => by_tanh(l, call),
        other => bail!("approximate='{other}' is not supported"),
    }
}

fn by_erf<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, kind) = (l.input(call, "self")?, l.kind(call, "self")?);
    let root = l.number(std::f64::consts::SQRT_2, kind);
    let scaled = l.node("Div", &[x, root], []);
    let erf = l.node("Erf", &[scaled], []);
    let one = l.number(1.0, kind);
    let sum = l.node("Add", &[erf, one], []);
    let product = l.node("Mul", &[x, sum], []);
    let half = l.number(0.5, kind);
    let y = l.node("Mul", &[product, half], []);
    l.set(call, y)
}

fn by_tanh<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, kind) = (l.input(call, "self")?, l.kind(call, "self")?);
    let square = l.node("Mul", &[x, x], []);
    let cube = l.node("Mul", &[x, square], []);
    let kappa = l.number(0.044715, kind);
    let bent = l.node("Mul", &[kappa, cube], []);
    let inner = l.node("Add", &[x, bent], []);
    let beta = l.number((2.0 / std::f64::consts::PI).sqrt(), kind);
    let scaled = l.node("Mul", &[beta, inner], []);
    let tanh = l.node("Tanh", &[scaled], []);
    let one = l.number(1.0, kind);
    let sum = l.node("Add", &[one, tanh], []);
    let product = l.node("Mul", &[x, sum], []);
    let half = l.number(0.5, kind);
    let y = l.node("Mul", &[half, product], []);
    l.set(call, y)
}
