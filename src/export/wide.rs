//! Windows that are wider than the input and padded at its end only: ESP-DL 3.3.9 counts one whole window where there is
//! none, since C rounds `(input - window) / stride` toward zero (`dl_base_pool2d.hpp`, `dl_base.hpp`), and reads beyond the
//! input. A Pad makes the pads a part of it.

use crate::chip::QuantType;
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::NodeId;
use crate::ops::counts_one_too_many;

use super::draft::{Draft, identity};

pub fn pad_before(draft: &mut Draft) {
    for id in draft.order() {
        let Some(ends) = wide(draft, id) else { continue };
        let Some(shape) = draft.input(id, 0).map(|value| draft.value(value).stored_shape()) else { continue };
        // Channels are last.
        let behind = [vec![0], ends.clone(), vec![0]].concat();
        let padded: Vec<usize> = shape.iter().zip(&behind).map(|(size, pad)| size + pad).collect();
        let rank = padded.len();
        let Some(pad) = draft.insert_before(id, 0, "Pad", padded) else { continue };
        if let Some(made) = draft.node(pad).and_then(|node| node.outputs.first().copied()) {
            draft.value_mut(made).perm = Some(identity(rank));
        }
        draft.append_sizes(pad, &[vec![0; rank], behind].concat());
        fill(draft, pad, id);
        let Some(node) = draft.node_mut(id) else { continue };
        let mut pads = node.ints("pads");
        let places = ends.len();
        pads.iter_mut().skip(places).zip(&ends).filter(|(_, end)| **end > 0).for_each(|(pad, _)| *pad = 0);
        node.set("pads", Attribute::Ints(pads));
        let name = node.name.clone();
        draft.differences.push(format!(
            "{name}: a Pad is inserted before it, since ESP-DL would read beyond an input that is smaller than the window"
        ));
    }
}

/// Pads behind each axis that go into the Pad; `None` where none do.
fn wide(draft: &Draft, id: NodeId) -> Option<Vec<usize>> {
    let node = draft.node(id).filter(|node| matches!(node.op.as_str(), "Conv" | "MaxPool" | "AveragePool"))?;
    let shape = draft.value(draft.input(id, 0)?).stored_shape();
    let places = shape.get(1..shape.len().checked_sub(1)?)?;
    let kernel: Vec<i64> = match draft.input(id, 1).filter(|_| node.op == "Conv") {
        Some(weight) => {
            draft.value(weight).shape.get(2..)?.iter().map(|&k| i64::try_from(k).ok()).collect::<Option<_>>()?
        }
        None => node.ints("kernel_shape"),
    };
    let (strides, dilations, pads) = (node.ints("strides"), node.ints("dilations"), node.ints("pads"));
    let end = |axis: usize| {
        let at = |list: &[i64], index: usize, default: i64| list.get(index).copied().unwrap_or(default);
        let window = (at(&kernel, axis, 1) - 1).saturating_mul(at(&dilations, axis, 1)).saturating_add(1);
        let is_wide = counts_one_too_many(places[axis], at(&pads, axis, 0), window, at(&strides, axis, 1));
        let end = usize::try_from(at(&pads, axis + places.len(), 0)).unwrap_or(0);
        if is_wide { end } else { 0 }
    };
    let ends: Vec<usize> = (0..places.len()).map(end).collect();
    ends.iter().any(|&end| end > 0).then_some(ends)
}

/// The default, 0, fills for sums; for a maximum, what is never chosen does.
fn fill(draft: &mut Draft, pad: NodeId, id: NodeId) {
    let is_max = draft.node(id).is_some_and(|node| node.op == "MaxPool");
    let Some(node) = draft.node_mut(pad) else { return };
    node.set("mode", Attribute::Text(b"constant".to_vec()));
    let port = node.ports.0.first().cloned().flatten();
    let (data_type, bytes) = match node.quant_type() {
        Some(QuantType::S8) => (DataType::Int8, i8::MIN.to_le_bytes().to_vec()),
        Some(QuantType::S16) => (DataType::Int16, i16::MIN.to_le_bytes().to_vec()),
        _ => (DataType::Float, f32::MIN.to_le_bytes().to_vec()),
    };
    if is_max {
        let exponents = port.as_ref().map_or_else(|| vec![0], |port| port.exponents.clone());
        let value = draft.add_constant(pad, Tensor { data_type, dims: vec![1], exponents, bytes, ..Tensor::default() });
        let Some(node) = draft.node_mut(pad) else { return };
        node.inputs.push(Some(value));
        node.ports.0.push(port);
    }
}
