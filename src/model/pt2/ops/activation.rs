//! Activations.

use super::unary::plain;
use crate::graph::{Attribute, Tensor};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Result, bail};

macro_rules! operators {
    ($($name:ident $onnx:literal;)*) => {
        $(pub fn $name<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> { plain(l, call, $onnx) })*
    };
}

operators! {
    hardswish "HardSwish";
    relu "Relu";
    selu "Selu";
    softsign "Softsign";
}

fn with_alpha<'a>(l: &mut Lowering<'a>, call: Call<'a>, op: &'static str, alpha: f64) -> Result<()> {
    let x = l.input(call, "self")?;
    let y = l.node(op, &[x], [("alpha", Attribute::Float(alpha as f32))]);
    l.set(call, y)
}

pub fn hardsigmoid<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    with_alpha(l, call, "HardSigmoid", 1.0 / 6.0)
}

pub fn leaky_relu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let slope = l.float(call, "negative_slope", 0.01)?;
    with_alpha(l, call, "LeakyRelu", slope)
}

pub fn elu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    if l.float(call, "scale", 1.0)? != 1.0 || l.float(call, "input_scale", 1.0)? != 1.0 {
        bail!("with a scale is not supported")
    }
    let alpha = l.float(call, "alpha", 1.0)?;
    with_alpha(l, call, "Elu", alpha)
}

pub fn celu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let alpha = l.float(call, "alpha", 1.0)?;
    with_alpha(l, call, "Celu", alpha)
}

pub fn silu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let s = l.node("Sigmoid", &[x], []);
    let y = l.node("Mul", &[x, s], []);
    l.set(call, y)
}

pub fn mish<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let s = l.node("Softplus", &[x], []);
    let t = l.node("Tanh", &[s], []);
    let y = l.node("Mul", &[x, t], []);
    l.set(call, y)
}

pub fn log_sigmoid<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let x = l.input(call, "self")?;
    let s = l.node("Sigmoid", &[x], []);
    let y = l.node("Log", &[s], []);
    l.set(call, y)
}

pub fn glu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, dim) = (l.input(call, "self")?, l.int(call, "dim", -1)?);
    let shape = l.shape(call, "self")?;
    let length = shape[l.axis(call, "dim", -1, shape.len())?];
    if !length.is_multiple_of(2) {
        bail!("halves a length of {length}")
    }
    let half = length as i64 / 2;
    let sizes = l.int_constant(vec![half, half]);
    let halves = l.node_of("Split", vec![Some(x), Some(sizes)], [("axis", Attribute::Int(dim))], 2);
    let gate = l.node("Sigmoid", &[halves[1]], []);
    let y = l.node("Mul", &[halves[0], gate], []);
    l.set(call, y)
}

pub fn hardtanh<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let limits = (Some(l.float(call, "min_val", -1.0)?), Some(l.float(call, "max_val", 1.0)?));
    clip(l, call, limits)
}

pub fn relu6<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    clip(l, call, (Some(0.0), Some(6.0)))
}

pub fn clamp<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let limit = |name: &str| -> Result<Option<f64>> {
        let limit = l.float(call, name, f64::NAN)?;
        Ok((!limit.is_nan()).then_some(limit))
    };
    let limits = (limit("min")?, limit("max")?);
    clip(l, call, limits)
}

fn clip<'a>(l: &mut Lowering<'a>, call: Call<'a>, limits: (Option<f64>, Option<f64>)) -> Result<()> {
    let (x, kind) = (l.input(call, "self")?, l.output_kind(call)?);
    let least = limits.0.map(|least| l.number(least, kind));
    let most = limits.1.map(|most| l.number(most, kind));
    let mut inputs = vec![Some(x), least];
    inputs.extend(most.map(Some));
    let y = l.node_of("Clip", inputs, [], 1)[0];
    l.set(call, y)
}

pub fn threshold<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    match (l.float(call, "threshold", 0.0)?, l.float(call, "value", 0.0)?) {
        (0.0, 0.0) => relu(l, call),
        (threshold, value) => bail!("with threshold {threshold} and value {value} is not supported"),
    }
}

pub fn softplus<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, beta) = (l.input(call, "self")?, l.float(call, "beta", 1.0)?);
    if beta == 1.0 {
        return plain(l, call, "Softplus");
    }
    let kind = l.output_kind(call)?;
    let factor = l.number(beta, kind);
    let scaled = l.node("Mul", &[x, factor], []);
    let soft = l.node("Softplus", &[scaled], []);
    let y = l.node("Div", &[soft, factor], []);
    l.set(call, y)
}

/// Slopes are one for each channel, as a rule: `[C]` becomes `[C, 1, 1]`.
pub fn prelu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, slopes) = (l.input(call, "self")?, l.input(call, "weight")?);
    let (rank, of_slopes) = (l.shape(call, "self")?.len(), l.shape(call, "weight")?);
    let mut wanted = of_slopes.clone();
    match rank {
        // The exporter gives every input of channels the axes behind them.
        3.. => wanted.extend(std::iter::repeat_n(1, rank - 2)),
        _ if wanted.is_empty() => wanted.push(1),
        _ => {}
    }
    let alpha = reshaped(l, slopes, &of_slopes, &wanted)?;
    let y = l.node("PRelu", &[x, alpha], []);
    l.set(call, y)
}

/// Returns a parameter under another shape: a constant at once.
pub fn reshaped(
    l: &mut Lowering,
    value: crate::graph::ValueId,
    from: &[usize],
    to: &[usize],
) -> Result<crate::graph::ValueId> {
    if from == to {
        return Ok(value);
    }
    match l.tensor(value).cloned() {
        Some(tensor) => {
            let name = l.graph.value(value).name.clone();
            let tensor: Tensor = tensor.reshape(to)?;
            Ok(l.named_constant(&name, tensor))
        }
        None => {
            let axes = l.int_constant((from.len() as i64..to.len() as i64).collect());
            Ok(l.node("Unsqueeze", &[value, axes], []))
        }
    }
}
