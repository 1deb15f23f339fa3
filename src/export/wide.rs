//! Windows at which ESP-DL 3.3.9 reads beyond the input; a Pad makes the pads a part of it.
//!
//! A window that is wider than the input and padded at its end only: the kernels count one whole window where there is none,
//! since C rounds `(input - window) / stride` toward zero (`dl_base_pool2d.hpp`, `dl_base.hpp`). A filter of one place: its
//! kernel has no case for a filter that lies in the pads (`conv2d_11cn` in `dl_base_conv2d.cpp`).

use crate::chip::QuantType;
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::NodeId;
use crate::ops::{self, counts_one_too_many};

use super::draft::{Draft, identity};

/// Pads of the spatial axes.
struct Pads {
    begins: Vec<usize>,
    ends: Vec<usize>,
}

pub fn pad_before(draft: &mut Draft) {
    for id in draft.order() {
        let Some(pads) = beyond(draft, id) else { continue };
        let Some(shape) = draft.input(id, 0).map(|value| draft.value(value).stored_shape()) else { continue };
        // Channels are last.
        let around = |pads: &[usize]| [&[0], pads, &[0]].concat();
        let (before, behind) = (around(&pads.begins), around(&pads.ends));
        let padded: Vec<usize> = shape.iter().zip(&before).zip(&behind).map(|((size, a), b)| size + a + b).collect();
        let rank = padded.len();
        let Some(pad) = draft.insert_before(id, 0, "Pad", padded) else { continue };
        if let Some(made) = draft.node(pad).and_then(|node| node.outputs.first().copied()) {
            draft.value_mut(made).perm = Some(identity(rank));
        }
        draft.append_sizes(pad, &[before, behind].concat());
        fill(draft, pad, id);
        let Some(node) = draft.node_mut(id) else { continue };
        let mut left = node.ints("pads");
        let moved = pads.begins.iter().chain(&pads.ends);
        left.iter_mut().zip(moved).filter(|(_, moved)| **moved > 0).for_each(|(pad, _)| *pad = 0);
        node.set("pads", Attribute::Ints(left));
        let name = node.name.clone();
        draft
            .differences
            .push(format!("{name}: a Pad is inserted before it, since ESP-DL would read beyond the input"));
    }
}

/// Returns the pads that go into the Pad; `None` where none do.
fn beyond(draft: &Draft, id: NodeId) -> Option<Pads> {
    let node = draft.node(id).filter(|node| matches!(node.op.as_str(), "Conv" | "MaxPool" | "AveragePool"))?;
    let shape = draft.value(draft.input(id, 0)?).stored_shape();
    let places = shape.get(1..shape.len().checked_sub(1)?)?;
    let weight = draft.input(id, 1).filter(|_| node.op == "Conv").map(|weight| &draft.value(weight).shape);
    let kernel: Vec<i64> = match weight {
        Some(shape) => shape.get(2..)?.iter().map(|&k| i64::try_from(k).ok()).collect::<Option<_>>()?,
        None => node.ints("kernel_shape"),
    };
    let (strides, dilations, pads) = (node.ints("strides"), node.ints("dilations"), node.ints("pads"));
    let at = |list: &[i64], index: usize, default: i64| list.get(index).copied().unwrap_or(default);
    let pad = |index: usize| usize::try_from(at(&pads, index, 0)).unwrap_or(0);
    let is_pointwise = weight.is_some() && ops::has_pointwise_kernel(node.int("group").unwrap_or(1), &kernel);
    let is_wide = |axis: usize| {
        let window = (at(&kernel, axis, 1) - 1).saturating_mul(at(&dilations, axis, 1)).saturating_add(1);
        counts_one_too_many(places[axis], at(&pads, axis, 0), window, at(&strides, axis, 1))
    };
    let begin = |axis: usize| if is_pointwise { pad(axis) } else { 0 };
    let end = |axis: usize| if is_pointwise || is_wide(axis) { pad(axis + places.len()) } else { 0 };
    let axes = 0..places.len();
    let (begins, ends): (Vec<usize>, Vec<usize>) = (axes.clone().map(begin).collect(), axes.map(end).collect());
    begins.iter().chain(&ends).any(|&pad| pad > 0).then_some(Pads { begins, ends })
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
