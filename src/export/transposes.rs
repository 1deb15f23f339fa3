//! Merging of adjacent Transposes.

use crate::chip::{Axes, ppq};
use crate::graph::{NodeId, ValueId};
use crate::ops;

use super::draft::{Draft, identity, perm_attribute, permuted};

fn is_transpose(draft: &Draft, id: NodeId) -> bool {
    draft.node(id).is_some_and(|n| n.op == "Transpose")
}

/// Returns the only reader of a node, if its output has no other use.
fn only_reader(draft: &Draft, id: NodeId) -> Option<NodeId> {
    let output = first_output(draft, id)?;
    match draft.readers(id).as_slice() {
        [one] if !draft.outputs.contains(&output) => Some(*one),
        _ => None,
    }
}

fn first_output(draft: &Draft, id: NodeId) -> Option<ValueId> {
    draft.node(id)?.outputs.first().copied()
}

fn set_perm(draft: &mut Draft, id: NodeId, perm: &[usize]) {
    if let Some(node) = draft.node_mut(id) {
        node.set("perm", perm_attribute(perm));
    }
}

/// Merges Transpose, activation, Transpose: the activation runs on the original order, and the second Transpose does
/// both permutations.
///
/// PReLU is excluded, since its slopes are along the last axis.
pub fn around_activations(draft: &mut Draft) {
    for first in draft.order() {
        let Some((middle, second)) = activation_between(draft, first) else { continue };
        let turn = |draft: &Draft, id| draft.node(id).map(|n| n.perm()).unwrap_or_default();
        let fused = permuted(&turn(draft, first), &turn(draft, second));
        draft.bypass(first);
        if let (Some(input), Some(output)) = (draft.input(middle, 0), first_output(draft, middle)) {
            let (shape, perm) = (draft.value(input).shape.clone(), draft.value(input).perm.clone());
            let value = draft.value_mut(output);
            (value.shape, value.perm) = (shape, perm);
        }
        set_perm(draft, second, &fused);
        if fused == identity(fused.len()) && !keeps_output(draft, second) {
            draft.bypass(second);
        }
    }
}

fn activation_between(draft: &Draft, first: NodeId) -> Option<(NodeId, NodeId)> {
    if !is_transpose(draft, first) {
        return None;
    }
    let middle = only_reader(draft, first)?;
    let op = draft.node(middle)?.op.as_str();
    let axes = ops::on_chip(op).map(|chip| chip.axes).or_else(|| ppq::axes(op));
    let second = only_reader(draft, middle)?;
    let turns = axes == Some(Axes::Any) && !ppq::keeps_transposes(op);
    (turns && is_transpose(draft, second)).then_some((middle, second))
}

fn keeps_output(draft: &Draft, id: NodeId) -> bool {
    first_output(draft, id).is_some_and(|v| draft.outputs.contains(&v))
}

/// Merges consecutive Transposes; an identity is removed.
pub fn in_a_row(draft: &mut Draft) {
    for id in draft.order() {
        if !is_transpose(draft, id) {
            continue;
        }
        while let Some(next) = only_reader(draft, id).filter(|&n| is_transpose(draft, n)) {
            let turn = |draft: &Draft, id| draft.node(id).map(|n| n.perm()).unwrap_or_default();
            let fused = permuted(&turn(draft, id), &turn(draft, next));
            draft.take_output(id, next);
            draft.absorb(next);
            set_perm(draft, id, &fused);
        }
        let perm = draft.node(id).map(|n| n.perm()).unwrap_or_default();
        if perm != identity(perm.len()) {
            continue;
        }
        if !keeps_output(draft, id) {
            draft.bypass(id);
        } else if draft.input(id, 0).is_some_and(|v| can_take_over(draft, v)) {
            // The name of the graph's output is kept.
            draft.absorb(id);
        }
    }
}

/// Returns `true` if the node that makes `value` can make the graph's output instead.
fn can_take_over(draft: &Draft, value: ValueId) -> bool {
    let value_is_output = draft.outputs.contains(&value);
    let value = draft.value(value);
    value.readers.len() == 1 && value.maker.is_some() && !value_is_output
}
