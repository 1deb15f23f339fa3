//! Lookup tables of activations (esp-ppq 1.3.12, `AddLUTPattern`).

use crate::chip::{QuantType, Rounding, Table, ppq};
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::{self, NodeId};
use crate::kernels::rounding::quantize;
use crate::ops::{self, Call, Fact};
use crate::quant::Port;
use crate::{Error, Result, bail};

use super::draft::{Draft, DraftNode};

/// Step of the tables in the simulation of 16-bit models (`LUTOptimizationSetting`).
const STEP: i64 = 32;
/// Step of other 16-bit tables (`int16_lut_step`), which ESP-DL does not use.
const COARSE_STEP: i64 = 256;

/// Marks a node that runs as a table only.
pub fn mark(node: &mut DraftNode) {
    node.set("original_op_type", Attribute::Text(node.op.as_bytes().to_vec()));
    node.set("int16_lut_step", Attribute::Int(STEP));
    node.op = "LUT".to_string();
}

/// Adds the tables in the order of nodes; each node names its own.
pub fn add_tables(draft: &mut Draft, opset: i64, rounding: Rounding) -> Result<Vec<Tensor>> {
    let mut tables: Vec<Tensor> = Vec::new();
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| takes_table(draft, n)) else { continue };
        let Some(points) = points(node) else { continue };
        let made = table(draft, id, &points, opset, rounding).map_err(|e| e.in_layer(&node.name))?;
        let same =
            |t: &&Tensor| (t.data_type, &t.exponents, &t.bytes) == (made.data_type, &made.exponents, &made.bytes);
        let name = match tables.iter().find(same) {
            Some(known) => known.name.clone(),
            None => {
                let name = format!("{}_lut_{}", original(node), tables.len());
                tables.push(Tensor { name: name.clone(), ..made });
                name
            }
        };
        if let Some(node) = draft.node_mut(id) {
            node.set("lut", Attribute::Text(name.into_bytes()));
        }
    }
    Ok(tables)
}

fn original(node: &DraftNode) -> &str {
    node.text("original_op_type").unwrap_or(&node.op)
}

fn takes_table(draft: &Draft, node: &DraftNode) -> bool {
    let quantized = |ports: &[Option<_>]| ports.first().is_some_and(Option::is_some);
    if !quantized(&node.ports.0) || !quantized(&node.ports.1) {
        return false;
    }
    let own = ops::on_chip(&node.op).map_or(Table::Never, |chip| chip.table);
    if own == Table::Never && ppq::table(&node.op) == Table::Never {
        return false;
    }
    // Bounds and a single slope are part of the table.
    node.outputs.len() == 1 && node.inputs.iter().skip(1).flatten().all(|&v| draft.value(v).is_number())
}

/// Returns the integers for which the table has an entry.
fn points(node: &DraftNode) -> Option<Vec<i32>> {
    match node.quant_type()? {
        QuantType::S8 => Some((-128..=127).collect()),
        QuantType::S16 => {
            let step = node.int("int16_lut_step").unwrap_or(COARSE_STEP).clamp(1, 65536);
            Some((-32768..=32768).step_by(usize::try_from(step).ok()?).collect())
        }
        QuantType::W8A16 | QuantType::F32 => None,
    }
}

fn table(draft: &Draft, id: NodeId, points: &[i32], opset: i64, rounding: Rounding) -> Result<Tensor> {
    let Some(node) = draft.node(id) else { bail!("the node does not exist") };
    let exponent = |ports: &[Option<Port>]| -> Result<i32> {
        let first = ports.first().and_then(Option::as_ref).and_then(|p| p.exponents.first());
        let exponent = first.ok_or_else(|| Error::new("a lookup table needs exponents for input and output"))?;
        i32::try_from(*exponent).map_err(|_| Error::new(format!("2^{exponent} is not a valid scale")))
    };
    let (from, stored) = (exponent(&node.ports.0)?, exponent(&node.ports.1)?);
    // Twice a value has the integer of the value at half the step.
    let to = if node.doubled { stored - 1 } else { stored };
    let scale = f64::from(from).exp2() as f32;
    let x: Vec<f32> = points.iter().map(|&q| q as f32 * scale).collect();
    let mut inputs = vec![Some(graph::Tensor::new(&[x.len()], x)?)];
    for value in node.inputs.iter().skip(1) {
        inputs.push(value.map(|v| argument(draft, v)).transpose()?);
    }
    let name = original(node);
    let operator =
        ops::find(name).ok_or_else(|| Error::new(format!("the operator {name} is not supported by espq")))?;
    let attributes = graph_attributes(node);
    let facts: Vec<Option<Fact>> = inputs.iter().map(|i| i.clone().map(Fact::of)).collect();
    let call = Call { attributes: &attributes, opset, inputs: &facts, outputs: 1 };
    let values = (operator.prepare)(&call)?.run(inputs)?;
    let Some(values) = values.first().and_then(|t| t.slice::<f32>()) else {
        bail!("{name} does not compute float32");
    };
    let (data_type, bytes) = match node.quant_type() {
        Some(QuantType::S8) => (DataType::Int8, bytes(quantize::<_, i8>(values, to, 8, rounding), i8::to_le_bytes)),
        _ => (DataType::Int16, bytes(quantize::<_, i16>(values, to, 16, rounding), i16::to_le_bytes)),
    };
    Ok(Tensor { data_type, dims: vec![values.len()], exponents: vec![stored.into()], bytes, ..Tensor::default() })
}

fn bytes<I, const N: usize>(integers: Vec<I>, bytes: fn(I) -> [u8; N]) -> Vec<u8> {
    integers.into_iter().flat_map(bytes).collect()
}

/// Returns a constant (a bound or a slope) as the float value of its integers.
fn argument(draft: &Draft, value: graph::ValueId) -> Result<graph::Tensor> {
    let value = draft.value(value);
    let values = value.constant.as_ref().and_then(Tensor::values);
    let Some((constant, values)) = value.constant.as_ref().zip(values) else {
        bail!("{} is not constant, so no table can be made", value.name);
    };
    let exponent = constant.exponents.first().copied().unwrap_or(0).clamp(-1000, 1000) as f64;
    let dims = if values.len() == 1 { &[][..] } else { &constant.dims };
    graph::Tensor::new(dims, values.into_iter().map(|v| (v * exponent.exp2()) as f32).collect())
}

fn graph_attributes(node: &DraftNode) -> graph::Attributes {
    let mut attributes = graph::Attributes::default();
    for (name, attribute) in &node.attributes {
        match attribute {
            Attribute::Int(v) => attributes.set(name, graph::Attribute::Int(*v)),
            Attribute::Float(v) => attributes.set(name, graph::Attribute::Float(*v)),
            Attribute::Text(v) => {
                attributes.set(name, graph::Attribute::Text(String::from_utf8_lossy(v).into_owned()));
            }
            // Activations have no list attributes.
            _ => {}
        }
    }
    attributes
}
