//! scaled_dot_product_attention, by parts.

use super::shape;
use super::transpose::turned;
use super::unary::to;
use crate::graph::{Attribute, DataType, Tensor, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Result, bail};

pub fn attention<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (query, key, value) = (l.input(call, "query")?, l.input(call, "key")?, l.input(call, "value")?);
    let (of_query, of_key) = (l.shape(call, "query")?, l.shape(call, "key")?);
    if l.flag(call, "enable_gqa", false)? && of_query.get(1) != of_key.get(1) {
        bail!("with fewer heads of keys than of queries is not supported")
    }
    if l.float(call, "dropout_p", 0.0)? != 0.0 {
        bail!("with dropout: call model.eval() before the export")
    }
    let (&[.., queries, _], &[.., keys, _]) = (of_query.as_slice(), of_key.as_slice()) else {
        bail!("queries of shape {of_query:?}")
    };
    let given = l.float(call, "scale", f64::NAN)?;
    let scale = match given.is_nan() {
        true => factor(l, query)?,
        false => l.number(given, DataType::F32),
    };
    let is_causal = l.flag(call, "is_causal", false)?;
    if is_causal {
        l.used(&["Shape", "Shape", "Slice", "Slice", "Concat", "Expand", "Trilu", "Equal", "Where"]);
    }
    let mut order: Vec<usize> = (0..of_key.len()).collect();
    order.swap(of_key.len() - 1, of_key.len() - 2);
    let turned = turned(l, key, &order)?;
    let root = l.node("Sqrt", &[scale], []);
    let query = l.node("Mul", &[query, root], []);
    let root = l.node("Sqrt", &[scale], []);
    let turned = l.node("Mul", &[turned, root], []);
    let product = l.node("MatMul", &[query, turned], []);
    let softmax = |l: &mut Lowering<'a>, x| l.node("Softmax", &[x], [("axis", Attribute::Int(-1))]);
    let mask = match l.optional(call, "attn_mask")? {
        Some(mask) => Some((mask, l.kind(call, "attn_mask")?)),
        None => is_causal.then(|| causal(l, queries, keys)).transpose()?.map(|mask| (l.constant(mask), DataType::F32)),
    };
    let weights = match mask {
        None => softmax(l, product),
        Some((mask, DataType::Bool)) => {
            let zero = l.constant(Tensor::new(&[1], vec![0f32])?);
            let out = l.constant(Tensor::new(&[1], vec![f32::NEG_INFINITY])?);
            let mask = l.node("Where", &[mask, zero, out], []);
            let sum = l.node("Add", &[product, mask], []);
            let weights = softmax(l, sum);
            let is_nan = l.node("IsNaN", &[weights], []);
            l.node("Where", &[is_nan, zero, weights], [])
        }
        Some((mask, kind)) => {
            let mask = to(l, mask, kind, DataType::F32);
            let sum = l.node("Add", &[product, mask], []);
            softmax(l, sum)
        }
    };
    let y = l.node("MatMul", &[weights, value], []);
    l.set(call, y)
}

/// Adds the nodes of the factor: one over the root of the width of a query.
fn factor(l: &mut Lowering, query: ValueId) -> Result<ValueId> {
    let cast = |l: &mut Lowering, x| l.node("Cast", &[x], [("to", Attribute::Int(DataType::F32.to_onnx()))]);
    let lengths = shape::of(l, query);
    let [start, end] = [-1, i64::MAX].map(|int| l.int_constant(vec![int]));
    let width = l.node("Slice", &[lengths, start, end], []);
    let width = cast(l, width);
    let one = l.constant(Tensor::new(&[1], vec![1f32])?);
    let root = l.node("Sqrt", &[width], []);
    let scale = l.node("Div", &[one, root], []);
    Ok(cast(l, scale))
}

/// Mask of the steps that are still to come.
fn causal(l: &Lowering, queries: usize, keys: usize) -> Result<Tensor> {
    l.program.claim(queries.saturating_mul(keys))?;
    let mask = |at: usize| if at % keys > at / keys { f32::NEG_INFINITY } else { 0.0 };
    Tensor::new(&[queries, keys], (0..queries * keys).map(mask).collect())
}
