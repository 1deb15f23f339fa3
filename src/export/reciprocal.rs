//! Reciprocal, which ESP-DL 3.3.9 lacks, as Div of 1 by the value (`dl_base_div.cpp`).

use crate::espdl::{DataType, Tensor};
use crate::quant::Port;

use super::draft::Draft;

pub fn divide(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|node| node.op == "Reciprocal") else { continue };
        let bits = node.ports.0.first().and_then(Option::as_ref).map(|port| port.bits);
        let name = node.name.clone();
        let (one, port) = one(bits);
        let value = draft.add_constant(id, one);
        let Some(node) = draft.node_mut(id) else { continue };
        node.op = "Div".to_string();
        node.inputs.insert(0, Some(value));
        node.ports.0.insert(0, port);
        draft
            .differences
            .push(format!("{name}: Reciprocal, which ESP-DL does not support, is replaced by a Div of 1 by its input"));
    }
}

/// 1 at the finest scale that holds it.
fn one(bits: Option<u32>) -> (Tensor, Option<Port>) {
    let (data_type, bytes, exponent) = match bits {
        None => (DataType::Float, 1f32.to_le_bytes().to_vec(), None),
        Some(..=8) => (DataType::Int8, vec![1 << 6], Some(-6)),
        Some(_) => (DataType::Int16, (1i16 << 14).to_le_bytes().to_vec(), Some(-14)),
    };
    let exponents = vec![exponent.unwrap_or(0)];
    let port = bits.zip(exponent).map(|(bits, exponent)| Port { bits, exponents: vec![exponent] });
    (Tensor { data_type, dims: vec![1], exponents, bytes, ..Tensor::default() }, port)
}
