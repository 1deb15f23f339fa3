//! PReLU in the only form that the kernels run correctly: an NHWC input of rank 4, slopes `[C, 1, 1]`, and exponents
//! within their range (`dl_module_prelu.hpp` and `dl_base_prelu.cpp` of ESP-DL 3.3.9).
//!
//! A single slope at int8 is a table and needs no change.

use crate::chip::{Family, QuantType};
use crate::graph::{NodeId, ValueId};

use super::draft::{Draft, DraftNode};

/// Maximum shift of positive inputs in int8 kernels with vector instructions.
const LARGEST_SHIFT: i64 = 6;

/// Returns slopes along the channels, in any of ONNX's forms.
fn slopes(draft: &Draft, node: &DraftNode) -> Option<(ValueId, usize)> {
    let value = node.inputs.get(1).copied().flatten()?;
    let count = draft.value(value).constant.as_ref()?.count().ok()?;
    let table = count == 1 && node.quant_type() == Some(QuantType::S8);
    (node.op == "PRelu" && !table).then_some((value, count))
}

/// Returns `true` if the slopes are along the channels, which are last in NHWC.
pub fn by_channel(draft: &Draft, id: NodeId) -> bool {
    draft.node(id).and_then(|n| slopes(draft, n)).is_some()
}

/// Changes shapes before the layout: rank 4 for the input, `[C, 1, 1]` for the slopes, the original rank for the
/// output.
pub fn shape(draft: &mut Draft) {
    for id in draft.order() {
        let Some(input) = draft.input(id, 0) else { continue };
        let shape = draft.value(input).shape.clone();
        once_a_channel(draft, id, shape.len());
        // A single slope at int8 is already a table.
        let Some((value, count)) = draft.node(id).and_then(|n| slopes(draft, n)) else { continue };
        let [batch, channels, places @ ..] = shape.as_slice() else { continue };
        if count != 1 && !along_channels(&draft.value(value).shape, shape.len(), *channels) {
            continue;
        }
        let dims = vec![count, 1, 1];
        let slopes = draft.value_mut(value);
        slopes.shape = dims.clone();
        if let Some(constant) = &mut slopes.constant {
            constant.dims = dims;
        }
        if shape.len() != 4 {
            wrap(draft, id, &[*batch, *channels, 1, places.iter().product()], &shape);
        }
    }
}

/// Writes slopes once per channel if they are equal along the spatial axes.
fn once_a_channel(draft: &mut Draft, id: NodeId, rank: usize) {
    let Some((value, _)) = draft.node(id).and_then(|n| slopes(draft, n)) else { return };
    let dims = draft.value(value).shape.clone();
    let axis = (1 + dims.len()).checked_sub(rank).filter(|&axis| rank > 1 && axis < dims.len());
    let channels = axis.map_or(1, |axis| dims[axis]);
    let inner: usize = axis.map_or(1, |axis| dims[axis + 1..].iter().product());
    let Some(constant) = &draft.value(value).constant else { return };
    let width = constant.data_type.width().unwrap_or(1);
    let element = |i: usize| constant.bytes.get(i * width..(i + 1) * width).unwrap_or_default();
    let count: usize = dims.iter().product();
    // In bounds: a constant has as many elements as its shape, and none if `inner` is 0.
    let is_equal = (0..count).all(|i| element(i) == element(i / inner % channels * inner));
    if count == channels || !is_equal {
        return;
    }
    let bytes: Vec<u8> = (0..channels).flat_map(|channel| element(channel * inner).to_vec()).collect();
    let dims = [vec![channels], vec![1; rank.saturating_sub(2)]].concat();
    let slopes = draft.value_mut(value);
    slopes.shape = dims.clone();
    slopes.constant.iter_mut().for_each(|constant| (constant.dims, constant.bytes) = (dims.clone(), bytes.clone()));
    let name = draft.node(id).map(|n| n.name.clone()).unwrap_or_default();
    draft.differences.push(format!("{name}: slopes that are equal at all positions are written once per channel"));
}

/// Returns `true` if a shape that is broadcast from the right exceeds 1 only at axis 1.
fn along_channels(slopes: &[usize], rank: usize, channels: usize) -> bool {
    let Some(lead) = rank.checked_sub(slopes.len()) else { return false };
    let size = |axis: usize| axis.checked_sub(lead).and_then(|i| slopes.get(i)).copied().unwrap_or(1);
    (0..rank).all(|axis| size(axis) == if axis == 1 { channels } else { 1 })
}

fn wrap(draft: &mut Draft, id: NodeId, wide: &[usize], shape: &[usize]) {
    let Some(before) = draft.insert_before(id, 0, "Reshape", wide.to_vec()) else { return };
    draft.append_sizes(before, wide);
    let Some(after) = draft.insert_after(id, 0, "Reshape", wide.to_vec()) else { return };
    draft.append_sizes(after, shape);
    draft.forget_perm(before);
    let name = draft.node(id).map(|n| n.name.clone()).unwrap_or_default();
    draft.differences.push(format!(
        "{name}: Reshapes give PReLU the rank 4 that its kernel reads; esp-ppq keeps {}, at which the chip crashes",
        shape.len()
    ));
}

/// Sets an output exponent within the kernel's range, before the boundaries: readers of the output then requantize it.
pub fn exponents(draft: &mut Draft, family: Family) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| slopes(draft, n).is_some()) else { continue };
        let first = |ports: &[Option<super::Port>]| ports.first()?.as_ref()?.exponents.first().copied();
        let (Some(input), Some(output)) = (first(&node.ports.0), first(&node.ports.1)) else { continue };
        let copied = family == Family::C || node.quant_type() != Some(QuantType::S8);
        let right = if copied { input } else { output.max(input.saturating_sub(LARGEST_SHIFT)) };
        if right == output {
            continue;
        }
        let name = node.name.clone();
        if let Some(port) = draft.node_mut(id).and_then(|n| n.ports.1.first_mut()?.as_mut()) {
            port.exponents = vec![right];
        }
        draft.differences.push(format!(
            "{name}: its output has exponent {right} and is requantized to {output} by its readers, since the kernel \
             cannot convert from {input} to {output}"
        ));
    }
}
