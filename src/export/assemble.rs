//! Assembly of the model to write from the finished draft.

use std::collections::HashMap;

use crate::espdl::{Attribute, DataType, Dim, Graph, Node, Tensor, ValueInfo};
use crate::graph::{NodeId, ValueId};
use crate::order;
use crate::quant::Port;

use super::draft::{Draft, DraftNode};

/// Makes the graph: tables first, then constants; all values that are not constant are in `values`.
pub fn assemble(draft: &Draft, name: &str, tables: Vec<Tensor>) -> Graph {
    let order = draft.order();
    let ports = value_ports(draft, &order);
    let info = |&id: &ValueId| value_info(draft, id, ports.get(&id).copied());
    let is_used = |id: &ValueId| {
        let value = draft.value(*id);
        value.maker.is_some() || !value.readers.is_empty() || draft.inputs.contains(id)
    };
    let ids: Vec<ValueId> = (0..draft.values.len()).map(ValueId).filter(is_used).collect();
    let (constants, values): (Vec<ValueId>, Vec<ValueId>) =
        ids.into_iter().partition(|&v| draft.value(v).constant.is_some());
    let constants = constants.iter().filter_map(|&v| {
        let value = draft.value(v);
        let tensor = value.constant.clone()?;
        let doc = if tensor.doc.is_empty() { "layout ==> UNK".to_string() } else { tensor.doc.clone() };
        Some(Tensor { name: value.name.clone(), doc, ..tensor })
    });
    Graph {
        name: name.to_string(),
        nodes: order.iter().filter_map(|&id| draft.node(id)).map(|n| node(draft, n)).collect(),
        initializers: tables.into_iter().chain(constants).collect(),
        inputs: draft.inputs.iter().map(info).collect(),
        outputs: draft.outputs.iter().map(info).collect(),
        values: values.iter().filter(|&&v| !draft.value(v).name.is_empty()).map(info).chain(left_out(draft)).collect(),
        ..Graph::default()
    }
}

/// Returns the value of inputs and outputs that are left out, which share the empty name; esp-ppq lists it, too.
fn left_out(draft: &Draft) -> Option<ValueInfo> {
    let unnamed = |v: &ValueId| draft.value(*v).name.is_empty();
    let has = |n: &DraftNode| n.inputs.contains(&None) || n.outputs.iter().any(unnamed);
    let info = ValueInfo { data_type: DataType::Float, exponents: vec![0], ..ValueInfo::default() };
    draft.nodes.iter().flatten().any(has).then_some(info)
}

/// Returns the integers of every value: those of its producer, or those that its first reader reads.
pub fn value_ports<'d>(draft: &'d Draft, order: &[NodeId]) -> HashMap<ValueId, &'d Port> {
    let mut ports = HashMap::new();
    for node in order.iter().filter_map(|&id| draft.node(id)) {
        let inputs = node.inputs.iter().copied().zip(&node.ports.0);
        let outputs = node.outputs.iter().map(|&v| Some(v)).zip(&node.ports.1);
        for (value, port) in inputs.chain(outputs) {
            if let (Some(value), Some(port)) = (value, port) {
                ports.entry(value).or_insert(port);
            }
        }
    }
    ports
}

fn node(draft: &Draft, node: &DraftNode) -> Node {
    let name = |value: ValueId| draft.value(value).name.clone();
    let mut attributes: Vec<(String, Attribute)> = node
        .attributes
        .iter()
        // The loader treats an empty list as missing.
        .filter(|(_, value)| !matches!(value, Attribute::Ints(list) if list.is_empty()))
        .cloned()
        .collect();
    order::sort_by(&mut attributes, |(a, _), (b, _)| a.cmp(b));
    Node {
        name: node.name.clone(),
        op: node.op.clone(),
        inputs: node.inputs.iter().map(|v| v.map(name).unwrap_or_default()).collect(),
        outputs: node.outputs.iter().map(|&v| name(v)).collect(),
        attributes,
        ..Node::default()
    }
}

fn value_info(draft: &Draft, id: ValueId, port: Option<&Port>) -> ValueInfo {
    let value = draft.value(id);
    // Sizes fit an i64: they count elements in memory.
    let dims = value.stored_shape().into_iter().map(|d| Dim::Size(d as i64)).collect();
    let data_type = port.map_or(value.data_type, |p| match DataType::of_bits(p.bits) {
        narrow @ (DataType::Int8 | DataType::Int16) => narrow,
        _ => DataType::Float,
    });
    ValueInfo {
        name: value.name.clone(),
        doc: String::new(),
        data_type,
        dims: Some(dims),
        exponents: port.map_or_else(|| vec![0], |p| p.exponents.clone()),
    }
}
