//! Order of stored axes: convolutions need channels last, shape operators need ONNX's order (esp-ppq 1.3.12,
//! `layout_patterns.py`).
//!
//! In one pass, each operator reads its inputs in their stored order, or gets Transposes. Unlike in esp-ppq, constants
//! of elementwise operators are transposed with the other operand, and inserted values have their correct shape.

use crate::chip::{Axes, ppq};
use crate::espdl::{Attribute, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::ops;
use crate::{Error, Result};

use super::draft::{Draft, identity, inverse, permuted};
use super::{prelu, transposes};

/// Returns the order of axes of an operator: the chip's, else esp-ppq's.
fn axes(op: &str) -> Option<Axes> {
    ops::on_chip(op).map(|chip| chip.axes).or_else(|| ppq::axes(op))
}

/// Determines the stored order of every value, with Transposes between different orders, as few as possible.
pub fn lay_out(draft: &mut Draft) -> Result<()> {
    for id in draft.order() {
        let Some(node) = draft.node(id) else { continue };
        let (name, op) = (node.name.clone(), node.op.clone());
        visit(draft, id, &op).map_err(|e| e.in_layer(name))?;
    }
    transposes::around_activations(draft);
    transposes::in_a_row(draft);
    Ok(())
}

fn visit(draft: &mut Draft, id: NodeId, op: &str) -> Result<()> {
    match axes(op) {
        Some(_) if prelu::by_channel(draft, id) => spatial(draft, id)?,
        // Written by its places, which may lie anyhow.
        Some(Axes::ChannelsLast) if op == "Resize" && !has_channels_last(draft, id) => passive(draft, id),
        Some(Axes::ChannelsLast) => spatial(draft, id)?,
        Some(Axes::Any) => passive(draft, id),
        Some(Axes::OneForAll) => elementwise(draft, id),
        Some(Axes::Attribute { default }) => along_axis(draft, id, default)?,
        Some(Axes::Reduced) => reduced(draft, id)?,
        Some(Axes::Joined) => concat(draft, id)?,
        Some(Axes::Sliced) => slice(draft, id),
        Some(Axes::AsOnnx) => restore(draft, id),
        None => {
            let what = format!("ESP-DL does not support the operator {op}, so the order of its output is unknown");
            return Err(Error::new(what).with_help("replace it by operators that ESP-DL supports"));
        }
    }
    Ok(())
}

fn has_channels_last(draft: &Draft, id: NodeId) -> bool {
    draft.input(id, 0).is_some_and(|value| channels_last(draft.value(value).shape.len()).is_some())
}

fn channels_last(rank: usize) -> Option<Vec<usize>> {
    match rank {
        3 => Some(vec![0, 2, 1]),
        4 => Some(vec![0, 2, 3, 1]),
        _ => None,
    }
}

fn wanted(draft: &Draft, value: ValueId) -> Result<Vec<usize>> {
    let value = draft.value(value);
    channels_last(value.shape.len()).ok_or_else(|| {
        Error::new(format!("{} has rank {}, but ESP-DL's kernels support 3 or 4", value.name, value.shape.len()))
            .with_help("reshape the value, or fold the batch into another axis")
    })
}

fn variables(draft: &Draft, id: NodeId) -> Vec<ValueId> {
    let inputs = draft.node(id).map(|n| n.inputs.clone()).unwrap_or_default();
    inputs.into_iter().flatten().filter(|&v| draft.value(v).constant.is_none()).collect()
}

fn outputs(draft: &Draft, id: NodeId) -> Vec<ValueId> {
    draft.node(id).map(|n| n.outputs.clone()).unwrap_or_default()
}

/// Stores the value in this order if it has none yet (a graph input is then passed in this order); else transposes it.
fn turn(draft: &mut Draft, id: NodeId, value: ValueId, want: &[usize]) {
    match draft.value(value).perm.clone() {
        None => draft.value_mut(value).perm = Some(want.to_vec()),
        Some(have) if have != want => draft.transpose_before(id, value, &permuted(&inverse(&have), want)),
        Some(_) => {}
    }
}

/// Returns the order of a value; ONNX's if it has none yet.
fn settled(draft: &mut Draft, value: ValueId) -> Vec<usize> {
    let value = draft.value_mut(value);
    let plain = value.identity();
    value.perm.get_or_insert(plain).clone()
}

fn set_outputs(draft: &mut Draft, id: NodeId, perm: &[usize]) {
    for value in outputs(draft, id) {
        draft.value_mut(value).perm = Some(perm.to_vec());
    }
}

fn restore(draft: &mut Draft, id: NodeId) {
    for value in variables(draft, id) {
        let plain = draft.value(value).identity();
        turn(draft, id, value, &plain);
    }
    for value in outputs(draft, id) {
        let plain = draft.value(value).identity();
        draft.value_mut(value).perm = Some(plain);
    }
}

fn spatial(draft: &mut Draft, id: NodeId) -> Result<()> {
    for value in variables(draft, id) {
        let want = wanted(draft, value)?;
        turn(draft, id, value, &want);
    }
    for value in outputs(draft, id) {
        draft.value_mut(value).perm = Some(wanted(draft, value)?);
    }
    Ok(())
}

fn passive(draft: &mut Draft, id: NodeId) {
    if let Some(value) = draft.input(id, 0) {
        let perm = settled(draft, value);
        set_outputs(draft, id, &perm);
    }
}

fn elementwise(draft: &mut Draft, id: NodeId) {
    let values = variables(draft, id);
    let perms: Vec<Vec<usize>> = values.iter().map(|&v| settled(draft, v)).collect();
    let rank = outputs(draft, id).first().map_or(0, |&v| draft.value(v).shape.len());
    // Transposes do not change the rank.
    if perms.is_empty() || perms.iter().any(|p| p.len() != rank) {
        return restore(draft, id);
    }
    let target = preferred(&perms, rank);
    for value in values {
        turn(draft, id, value, &target);
    }
    turn_constants(draft, id, &target);
    set_outputs(draft, id, &target);
}

/// Returns channels last if any value has it, else any order that is not ONNX's, else the first.
fn preferred(perms: &[Vec<usize>], rank: usize) -> Vec<usize> {
    let last = channels_last(rank);
    let plain = identity(rank);
    let found = perms.iter().find(|p| Some(*p) == last.as_ref()).or_else(|| perms.iter().find(|p| **p != plain));
    found.or(perms.first()).cloned().unwrap_or(plain)
}

/// Transposes a constant that is broadcast along ONNX's axes; a single number needs no change.
fn turn_constants(draft: &mut Draft, id: NodeId, perm: &[usize]) {
    let inputs = draft.node(id).map(|n| n.inputs.clone()).unwrap_or_default();
    for value in inputs.into_iter().flatten() {
        let Some(constant) = &draft.value(value).constant else { continue };
        if constant.count().is_ok_and(|n| n > 1) && *perm != identity(perm.len()) {
            let turned = transposed(constant, perm);
            let value = draft.value_mut(value);
            value.shape = turned.dims.clone();
            value.constant = Some(turned);
        }
    }
}

/// Returns the elements of `source` in the order of `perm`; its shape is extended by leading ones to the rank of
/// `perm`.
pub fn transposed(source: &Tensor, perm: &[usize]) -> Tensor {
    let mut dims = vec![1; perm.len().saturating_sub(source.dims.len())];
    dims.extend(&source.dims);
    let mut strides = vec![1usize; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i] * dims[i]; // at most the number of elements
    }
    let (to, steps) = (permuted(&dims, perm), permuted(&strides, perm));
    let width = source.data_type.width().unwrap_or(1);
    let mut bytes = Vec::with_capacity(source.bytes.len());
    for flat in 0..to.iter().product::<usize>() {
        let (mut rest, mut from) = (flat, 0);
        for (size, step) in to.iter().zip(&steps).rev() {
            from += rest % size * step;
            rest /= size;
        }
        bytes.extend_from_slice(source.bytes.get(from * width..(from + 1) * width).unwrap_or_default());
    }
    Tensor { dims: to, bytes, ..source.clone() }
}

/// Converts an axis of ONNX's, counted from the end if negative, to the stored one.
fn stored_axis(axis: i64, perm: &[usize]) -> Result<i64> {
    // A rank fits any integer type.
    let rank = perm.len() as i64;
    let plain = if axis < 0 { axis.saturating_add(rank) } else { axis };
    let found = perm.iter().position(|&p| i64::try_from(p) == Ok(plain));
    found.map(|i| i as i64).ok_or_else(|| {
        Error::new(format!("axis {axis} is not one of {rank} axes"))
            .with_help("fix the axis of this layer and export the model again")
    })
}

/// Converts one axis, which follows its values.
fn along_axis(draft: &mut Draft, id: NodeId, default: i64) -> Result<()> {
    let Some(input) = draft.input(id, 0) else { return Ok(()) };
    let perm = settled(draft, input);
    if draft.value(input).is_permuted() {
        let axis = draft.node(id).and_then(|n| n.int("axis")).unwrap_or(default);
        set_int(draft, id, "axis", stored_axis(axis, &perm)?);
    }
    set_outputs(draft, id, &perm);
    Ok(())
}

fn reduced(draft: &mut Draft, id: NodeId) -> Result<()> {
    let Some(input) = draft.input(id, 0) else { return Ok(()) };
    let perm = settled(draft, input);
    let turned = draft.value(input).is_permuted();
    let axes = draft.input(id, 1).and_then(|v| Some((v, draft.value(v).integers()?)));
    let axes = axes.filter(|(_, list)| !list.is_empty());
    let mut stored = Vec::new();
    if let Some((value, list)) = &axes {
        stored = list.iter().map(|&a| stored_axis(a, &perm)).collect::<Result<Vec<i64>>>()?;
        stored.sort_unstable();
        if turned {
            set_integers(draft, *value, &stored);
        }
    }
    let flag = |name, default| draft.node(id).and_then(|n| n.int(name)).unwrap_or(default);
    let out = match (flag("keepdims", 1), axes.is_some(), flag("noop_with_empty_axes", 0)) {
        (0, true, _) => without(&perm, &stored),
        (0, false, 0) => vec![0],
        _ => perm,
    };
    set_outputs(draft, id, &out);
    Ok(())
}

/// Returns the remaining order of axes after removing those at the `stored` positions.
fn without(perm: &[usize], stored: &[i64]) -> Vec<usize> {
    let kept: Vec<usize> =
        perm.iter().enumerate().filter(|(i, _)| !stored.contains(&(*i as i64))).map(|(_, &p)| p).collect();
    if kept.is_empty() {
        return vec![0];
    }
    kept.iter().map(|p| kept.iter().filter(|q| *q < p).count()).collect()
}

fn set_int(draft: &mut Draft, id: NodeId, name: &str, value: i64) {
    if let Some(node) = draft.node_mut(id) {
        node.set(name, Attribute::Int(value));
    }
}

fn set_integers(draft: &mut Draft, value: ValueId, list: &[i64]) {
    if let Some(constant) = &mut draft.value_mut(value).constant {
        let width = constant.data_type.width().unwrap_or(8).min(8);
        // Little-endian: axes are small, so the low bytes contain them.
        constant.bytes = list.iter().flat_map(|v| v.to_le_bytes().into_iter().take(width)).collect();
    }
}

fn concat(draft: &mut Draft, id: NodeId) -> Result<()> {
    let inputs: Vec<ValueId> = draft.node(id).map(|n| n.inputs.iter().flatten().copied().collect()).unwrap_or_default();
    let rank = inputs.first().map_or(0, |&v| draft.value(v).shape.len());
    let axis = draft.node(id).and_then(|n| n.int("axis")).unwrap_or(0);
    set_int(draft, id, "axis", stored_axis(axis, &identity(rank))?);
    let mut perms = inputs.iter().map(|&v| draft.value(v).perm.clone());
    let first = perms.next().flatten();
    match first {
        Some(perm) if perms.all(|p| p.as_ref() == Some(&perm)) => {
            set_int(draft, id, "axis", stored_axis(axis, &perm)?);
            set_outputs(draft, id, &perm);
        }
        _ => restore(draft, id),
    }
    Ok(())
}

/// Reorders starts, ends and steps with their axes; without axes, they are all of ONNX's, in order.
fn slice(draft: &mut Draft, id: NodeId) {
    let Some(input) = draft.input(id, 0) else { return };
    let perm = settled(draft, input);
    if !draft.value(input).is_permuted() {
        return set_outputs(draft, id, &perm);
    }
    let axes = draft.input(id, 3).and_then(|v| Some((v, draft.value(v).integers()?)));
    let stored = axes.and_then(|(v, list)| {
        Some((v, list.iter().map(|&a| stored_axis(a, &perm).ok()).collect::<Option<Vec<i64>>>()?))
    });
    match stored {
        Some((value, list)) => {
            set_integers(draft, value, &list);
            set_outputs(draft, id, &perm);
        }
        None => restore(draft, id),
    }
}
