//! Packing of weights in the order of the target's kernels (esp-ppq 1.3.12, `ResetParamLayoutPattern`).
//!
//! Weights are already integers, in ONNX's order.

use std::collections::BTreeSet;

use crate::bail;
use crate::chip::{Family, QuantType};
use crate::espdl::layout::{Filter, pack_gemm, pack_matmul};
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::ops;
use crate::{Error, Result};

use super::draft::Draft;

/// Packs the second input of every Conv, Gemm and MatMul with an integer `quant_type`.
pub fn pack_weights(draft: &mut Draft, family: Family) -> Result<()> {
    // Nodes that replace one share its weights.
    let mut packed = BTreeSet::new();
    for id in draft.order() {
        let Some(node) = draft.node(id) else { continue };
        let Some(quant_type) = node.quant_type() else { continue };
        let packs = ops::on_chip(&node.op).is_some_and(|chip| chip.packs_weights);
        if quant_type == QuantType::F32 || !packs {
            continue;
        }
        let (name, op) = (node.name.clone(), node.op.clone());
        let Some(value) = node.inputs.get(1).copied().flatten() else { continue };
        if draft.value(value).constant.is_some() && packed.insert(value) {
            pack(draft, id, value, &op, quant_type.lanes(family)).map_err(|e| e.in_layer(name))?;
        }
    }
    Ok(())
}

fn pack(draft: &mut Draft, id: NodeId, value: ValueId, op: &str, lanes: Option<usize>) -> Result<()> {
    let int = |draft: &Draft, name, default| draft.node(id).and_then(|n| n.int(name)).unwrap_or(default);
    let Some(source) = draft.value(value).constant.clone() else { return Ok(()) };
    let packed = match op {
        "Conv" => conv(source, int(draft, "group", 1) > 1, lanes)?,
        "Gemm" => {
            scaled(draft, id)?;
            let packed = gemm(source, int(draft, "transB", 0) != 0, lanes)?;
            if let Some(node) = draft.node_mut(id) {
                node.set("transB", Attribute::Int(0));
            }
            packed
        }
        _ if source.dims.len() < 2 => return Ok(()),
        _ => {
            let dims = source.dims.clone();
            let filter = [dims.last().copied().unwrap_or_default(), 1, 1, 1];
            let layout = Filter { shape: &filter, grouped: false, lanes }.layout();
            apply(source, dims.clone(), layout, |values| pack_matmul(values, &dims, lanes))?
        }
    };
    let value = draft.value_mut(value);
    value.shape = packed.dims.clone();
    value.constant = Some(packed);
    Ok(())
}

/// Refuses Gemm with factors, which ESP-DL does not support.
fn scaled(draft: &Draft, id: NodeId) -> Result<()> {
    let Some(node) = draft.node(id) else { return Ok(()) };
    for (name, value) in &node.attributes {
        if let (true, Attribute::Float(factor)) = (matches!(name.as_str(), "alpha" | "beta"), value)
            && *factor != 1.0
        {
            return Err(Error::new(format!("Gemm with {name} {factor} is not supported, only 1 is"))
                .with_help("multiply the weights or the bias by the factor"));
        }
    }
    Ok(())
}

fn conv(source: Tensor, grouped: bool, lanes: Option<usize>) -> Result<Tensor> {
    let shape = source.dims.clone();
    let filter = Filter { shape: &shape, grouped, lanes };
    apply(source, filter.stored_dims(), filter.layout(), |values| filter.pack(values))
}

fn gemm(source: Tensor, transposed: bool, lanes: Option<usize>) -> Result<Tensor> {
    let &[first, second] = source.dims.as_slice() else {
        bail!("Gemm's weights have shape {:?}, but must have two dimensions", source.dims);
    };
    let (n, c) = if transposed { (first, second) } else { (second, first) };
    let shape = [n, c, 1, 1];
    let filter = Filter { shape: &shape, grouped: false, lanes };
    let (dims, layout) = (filter.stored_dims(), filter.layout());
    apply(source, dims, layout, |values| match transposed {
        true => filter.pack(values),
        false => pack_gemm(values, c, n, lanes),
    })
}

/// Reorders elements by their width.
fn apply(
    source: Tensor,
    dims: Vec<usize>,
    layout: String,
    order: impl Fn(&[u16]) -> Result<Vec<u16>>,
) -> Result<Tensor> {
    let bytes = match source.data_type {
        DataType::Int8 => {
            let values: Vec<u16> = source.bytes.iter().map(|&b| b.into()).collect();
            order(&values)?.into_iter().map(|v| v.to_le_bytes()[0]).collect()
        }
        DataType::Int16 => {
            let values: Vec<u16> = source.bytes.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b)).collect();
            order(&values)?.into_iter().flat_map(u16::to_le_bytes).collect()
        }
        other => bail!("weights of type {} are not supported, only int8 and int16 are", other.name()),
    };
    Ok(Tensor { dims, bytes, doc: format!("layout ==> {layout}"), ..source })
}
