//! LSTM and GRU in the forms that ESP-DL 3.3.9 runs (`dl_module_lstm.hpp`, `dl_module_gru.hpp`).
//!
//! A sequence that is read backwards would run forward: Gathers turn it around, before the node and behind it. Several
//! sequences would run as one: a Split, the node for each, and a Concat.

use crate::espdl::Attribute;
use crate::graph::NodeId;

use super::draft::{Draft, DraftNode};
use super::rewrite::{At, Rewrite};

/// Axes of the batch of the inputs (X, the first hidden state, the first cell) and of the outputs.
const INPUT_AXES: [(usize, usize); 3] = [(0, 1), (5, 1), (6, 1)];
const OUTPUT_AXES: [usize; 3] = [2, 1, 1];

pub fn turn_around(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = cell(draft, id).filter(|node| node.text("direction") == Some("reverse")) else { continue };
        let Some(steps) = size(draft, node, 0) else { continue };
        if let Some(mut rewrite) = Rewrite::of(draft, id) {
            forward(&mut rewrite, steps);
        }
    }
}

pub fn take_apart(draft: &mut Draft) {
    for id in draft.order() {
        let Some(count) = cell(draft, id).and_then(|node| size(draft, node, 1)).filter(|&count| count > 1) else {
            continue;
        };
        if let Some(mut rewrite) = Rewrite::of(draft, id) {
            each(&mut rewrite, count);
        }
    }
}

/// Returns an LSTM or GRU in the layout that the kernels write.
fn cell(draft: &Draft, id: NodeId) -> Option<&DraftNode> {
    let node = draft.node(id).filter(|node| matches!(node.op.as_str(), "LSTM" | "GRU"))?;
    (node.int("layout").unwrap_or(0) == 0).then_some(node)
}

/// Returns the size of an axis of X: steps, sequences, elements.
fn size(draft: &Draft, node: &DraftNode, axis: usize) -> Option<usize> {
    draft.value((*node.inputs.first()?)?).shape.get(axis).copied()
}

fn forward(rewrite: &mut Rewrite, steps: usize) {
    let (Some(x), mut outputs) = (rewrite.input(0), rewrite.outputs()) else { return };
    let backwards: Vec<usize> = (0..steps).rev().collect();
    let turned = rewrite.gather(x, 0, &backwards);
    let Some(first) = outputs.first_mut() else { return };
    let (output, shape) = (first.0, rewrite.shape(first.0));
    first.0 = rewrite.value(output, shape);
    let all = first.clone();
    let id = rewrite.like(&[(0, turned.0)], &outputs);
    let forward = Attribute::Text(b"forward".to_vec());
    rewrite.draft.node_mut(id).into_iter().for_each(|node| node.set("direction", forward.clone()));
    if rewrite.is_used(output) {
        let ahead = rewrite.gather(all, 0, &backwards);
        rewrite.finish(ahead);
    }
    rewrite.note("Gathers turn its sequence around, since ESP-DL runs it forward");
}

fn each(rewrite: &mut Rewrite, count: usize) {
    let states = INPUT_AXES.iter().filter_map(|&(index, axis)| Some((index, axis, rewrite.input(index)?)));
    let states: Vec<(usize, usize, At)> = states.collect();
    let parts = states.into_iter().map(|(index, axis, at)| (index, rewrite.split(at, axis, &vec![1; count])));
    let parts: Vec<(usize, Vec<At>)> = parts.collect();
    let outputs = rewrite.outputs();
    let mut made: Vec<Vec<At>> = vec![Vec::with_capacity(count); outputs.len()];
    for sequence in 0..count {
        let mut own = Vec::with_capacity(outputs.len());
        for ((output, port), &axis) in outputs.iter().zip(&OUTPUT_AXES) {
            let mut shape = rewrite.shape(*output);
            shape.iter_mut().skip(axis).take(1).for_each(|size| *size = 1);
            own.push((rewrite.value(*output, shape), port.clone()));
        }
        // One part for each sequence.
        let values: Vec<_> = parts.iter().map(|(index, parts)| (*index, parts[sequence].0)).collect();
        rewrite.like(&values, &own);
        made.iter_mut().zip(own).for_each(|(made, own)| made.push(own));
    }
    for (((output, _), parts), &axis) in outputs.iter().zip(&made).zip(&OUTPUT_AXES) {
        if rewrite.is_used(*output) {
            rewrite.concat(parts, axis, Some(*output));
        }
    }
    let op = rewrite.node.op.clone();
    rewrite.note(&format!("it is replaced by a {op} for each of its {count} sequences, since ESP-DL runs them as one"));
}
