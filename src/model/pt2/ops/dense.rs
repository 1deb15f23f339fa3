//! Products of matrices.

use super::transpose;
use crate::graph::{Attribute, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::model::pt2::schema::Argument;
use crate::{Result, bail};

/// Attributes of a Gemm that only multiplies and adds.
fn plain(factor_of_bias: f64, factor: f64) -> Vec<(&'static str, Attribute)> {
    vec![("alpha", Attribute::Float(factor as f32)), ("beta", Attribute::Float(factor_of_bias as f32))]
}

/// Weights are `[outputs, inputs]`.
pub fn linear<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (rank, of_weight) = (l.shape(call, "input")?.len(), l.shape(call, "weight")?);
    let x = l.input(call, "input")?;
    let weight = match rank {
        2 => l.weight(call, "weight")?,
        _ => l.input(call, "weight")?,
    };
    let bias = l.optional(call, "bias")?;
    if let (2, 2, Some(bias)) = (rank, of_weight.len(), bias) {
        let mut attributes = plain(1.0, 1.0);
        attributes.push(("transB", Attribute::Int(1)));
        let y = l.node("Gemm", &[x, weight, bias], attributes);
        return l.set(call, y);
    }
    let weight = match of_weight.len() {
        2 => transpose::turned(l, weight, &[1, 0])?,
        _ => weight,
    };
    let mut y = l.node("MatMul", &[x, weight], []);
    if let Some(bias) = bias {
        y = l.node("Add", &[bias, y], []);
    }
    l.set(call, y)
}

pub fn matmul<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let other = if call.argument("other").is_some() { "other" } else { "mat2" };
    let (x, y) = (l.input(call, "self")?, l.input(call, other)?);
    let z = l.node("MatMul", &[x, y], []);
    l.set(call, z)
}

pub fn mm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, y) = (l.input(call, "self")?, l.input(call, "mat2")?);
    let z = gemm(l, x, y, None, plain(0.0, 1.0))?;
    l.set(call, z)
}

pub fn addmm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, y, bias) = (l.input(call, "mat1")?, l.input(call, "mat2")?, l.input(call, "self")?);
    let factors = plain(l.float(call, "beta", 1.0)?, l.float(call, "alpha", 1.0)?);
    let z = gemm(l, x, y, Some(bias), factors)?;
    l.set(call, z)
}

/// Adds a Gemm, which takes over the Transpose of its second matrix, as the exporter's does.
fn gemm(
    l: &mut Lowering,
    x: ValueId,
    y: ValueId,
    bias: Option<ValueId>,
    mut attributes: Vec<(&'static str, Attribute)>,
) -> Result<ValueId> {
    let turned = l.maker(y).filter(|node| node.op == "Transpose" && node.attributes.ints("perm") == Some(&[1, 0]));
    let y = match turned.and_then(|node| node.input(0)) {
        Some(source) => {
            attributes.push(("transB", Attribute::Int(1)));
            source
        }
        None => y,
    };
    let mut inputs = vec![Some(x), Some(y)];
    inputs.extend(bias.map(Some));
    Ok(l.node_of("Gemm", inputs, attributes, 1)[0])
}

pub fn baddbmm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, y, bias) = (l.input(call, "batch1")?, l.input(call, "batch2")?, l.input(call, "self")?);
    let kind = l.output_kind(call)?;
    let product = l.node("MatMul", &[x, y], []);
    let alpha = l.float(call, "alpha", 1.0)?;
    let alpha = l.number(alpha, kind);
    let product = l.node("Mul", &[product, alpha], []);
    let beta = l.float(call, "beta", 1.0)?;
    let beta = l.number(beta, kind);
    let bias = l.node("Mul", &[bias, beta], []);
    let z = l.node("Add", &[product, bias], []);
    l.set(call, z)
}

pub fn einsum<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let operands = l.inputs_of(call, "tensors")?;
    let Some(Argument::Text(equation)) = call.argument("equation") else { bail!("its equation is missing") };
    let y = l.node("Einsum", &operands, [("equation", Attribute::Text(equation.to_string()))]);
    l.set(call, y)
}
