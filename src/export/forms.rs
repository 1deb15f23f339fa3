//! Arguments in the form of operator set 18, and explicit defaults, which the runtime lacks.
//!
//! ESP-DL 3.3.9 reads missing strides and dilations from an empty vector, uses uninitialized memory as a missing mode
//! of Resize, and stops at a Pad without a mode.

use crate::chip::Axes;
use crate::espdl::{Attribute, DataType};
use crate::graph::NodeId;
use crate::ops;

use super::draft::{Draft, DraftNode};
use super::resize;

/// Exponent of the sums inside a cell: `LSTM_QUANT_EXPONENT` and `GRU_QUANT_EXPONENT` of esp-ppq.
const GATE_EXPONENT: i64 = -9;

pub fn complete(draft: &mut Draft, id: NodeId) {
    let Some(op) = draft.node(id).map(|n| n.op.clone()) else { return };
    leave_out_empty(draft, id);
    match op.as_str() {
        "Squeeze" | "Unsqueeze" => list_as_input(draft, id, "axes"),
        "Split" => {
            list_as_input(draft, id, "split");
            sizes_of_parts(draft, id);
        }
        "Resize" => resize::complete(draft, id),
        op if is_reduction(op) => list_as_input(draft, id, "axes"),
        _ => {}
    }
    if op == "Gather" {
        from_the_start(draft, id);
    }
    let rank = draft.input(id, 0).map_or(0, |v| draft.value(v).shape.len());
    if let Some(node) = draft.node_mut(id) {
        defaults(node, &op, rank);
    }
}

/// The loader asserts that a constant has elements: what has none is left out, as an empty shape is one of size 1.
fn leave_out_empty(draft: &mut Draft, id: NodeId) {
    let inputs = draft.node(id).map(|n| n.inputs.clone()).unwrap_or_default();
    for (port, value) in inputs.into_iter().enumerate() {
        let is_empty = |value| draft.value(value).constant.as_ref().is_some_and(|tensor| tensor.bytes.is_empty());
        let Some(value) = value.filter(|&value| is_empty(value)) else { continue };
        draft.value_mut(value).readers.retain(|reader| *reader != id);
        let Some(node) = draft.node_mut(id) else { return };
        node.inputs[port] = None; // an input of the node
        if node.op == "Reshape" {
            node.inputs.truncate(1);
            draft.append_list(id, &[1]);
        }
    }
}

fn is_reduction(op: &str) -> bool {
    ops::on_chip(op).is_some_and(|chip| chip.axes == Axes::Reduced)
}

/// Returns the size of an axis, which counts from the end if it is negative.
fn size_along(shape: &[usize], axis: i64) -> Option<i64> {
    let axis = if axis < 0 { axis.saturating_add_unsigned(shape.len() as u64) } else { axis };
    i64::try_from(*shape.get(usize::try_from(axis).ok()?)?).ok()
}

/// Converts an attribute to the last input.
fn list_as_input(draft: &mut Draft, id: NodeId, name: &str) {
    let Some(node) = draft.node_mut(id) else { return };
    let Some(at) = node.attributes.iter().position(|(n, _)| n == name) else { return };
    let (_, Attribute::Ints(list)) = node.attributes.remove(at) else { return };
    draft.append_list(id, &list);
}

/// Adds the sizes of Split's parts: the runtime reads `num_outputs` as the size of a part, and requires it.
fn sizes_of_parts(draft: &mut Draft, id: NodeId) {
    let Some(node) = draft.node(id).filter(|n| n.inputs.get(1).is_none_or(Option::is_none)) else { return };
    let (axis, name) = (node.int("axis").unwrap_or(0), node.name.clone());
    let sizes = node.outputs.iter().map(|&part| size_along(&draft.value(part).shape, axis));
    let Some(sizes) = sizes.collect::<Option<Vec<i64>>>() else { return };
    if let Some(node) = draft.node_mut(id) {
        node.attributes.retain(|(name, _)| name != "num_outputs");
        node.inputs.truncate(1);
    }
    draft.append_list(id, &sizes);
    draft
        .differences
        .push(format!("{name}: `split` sizes are written explicitly, since ESP-DL reads num_outputs as a size"));
}

/// Converts Gather's indices to count from the start: the kernel would read memory before the data.
fn from_the_start(draft: &mut Draft, id: NodeId) {
    let (Some(data), Some(indices)) = (draft.input(id, 0), draft.input(id, 1)) else { return };
    let shape = draft.value(data).shape.clone();
    let Some(node) = draft.node(id) else { return };
    let (axis, name) = (node.int("axis").unwrap_or(0), node.name.clone());
    let size = size_along(&shape, axis);
    let value = draft.value_mut(indices);
    let (Some(size), Some(constant)) = (size, &mut value.constant) else { return };
    if constant.data_type != DataType::Int64 {
        return;
    }
    let list: Vec<i64> = constant.bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect();
    if list.iter().all(|&i| i >= 0) {
        return;
    }
    let positive = list.iter().map(|&i| if i < 0 { i.saturating_add(size) } else { i });
    constant.bytes = positive.flat_map(i64::to_le_bytes).collect();
    draft
        .differences
        .push(format!("{name}: indices that count from the end are converted to count from the start, since the kernel supports no others"));
}

fn defaults(node: &mut DraftNode, op: &str, rank: usize) {
    let places = rank.saturating_sub(2);
    let ones = || Attribute::Ints(vec![1; places]);
    let text = |text: &str| Attribute::Text(text.as_bytes().to_vec());
    match op {
        "Conv" => {
            fill(node, "dilations", ones());
            fill(node, "strides", ones());
            fill(node, "pads", Attribute::Ints(vec![0; 2 * places]));
        }
        "MaxPool" | "AveragePool" => fill(node, "strides", ones()),
        "Pad" => fill(node, "mode", text("constant")),
        "Resize" => fill(node, "mode", text("nearest")),
        "Mod" => fill(node, "fmod", Attribute::Int(0)),
        "Transpose" => fill(node, "perm", Attribute::Ints((0..rank as i64).rev().collect())),
        "LSTM" | "GRU" if node.quant_type().is_some_and(|t| t != crate::chip::QuantType::F32) => {
            node.set("gate_exponent", Attribute::Int(GATE_EXPONENT));
        }
        _ => {}
    }
}

fn fill(node: &mut DraftNode, name: &str, value: Attribute) {
    if !node.attributes.iter().any(|(n, _)| n == name) {
        node.set(name, value);
    }
}
