//! A batch above 1 at kernels that compute the first of it (`dl_base_conv2d.hpp`, `dl_base_pool2d.hpp`), or that take it for one
//! sequence (`dl_module_lstm.hpp`, `dl_module_gru.hpp`): a Split, the node once a part, and a Concat. Constants are shared.

use crate::graph::NodeId;
use crate::ops;

use super::draft::Draft;
use super::rewrite::{At, Rewrite};

pub fn unroll(draft: &mut Draft) {
    for id in draft.order() {
        if let Some(count) = batch(draft, id)
            && let Some(mut rewrite) = Rewrite::of(draft, id)
        {
            each(&mut rewrite, count);
        } else if let Some(count) = sequences(draft, id)
            && let Some(mut rewrite) = Rewrite::of(draft, id)
        {
            each_sequence(&mut rewrite, count);
        }
    }
}

/// Axes of the batch of an LSTM's or GRU's inputs (X, the first hidden state, the first cell) and outputs.
const INPUT_AXES: [(usize, usize); 3] = [(0, 1), (5, 1), (6, 1)];
const OUTPUT_AXES: [usize; 3] = [2, 1, 1];

/// Returns the number of sequences of an LSTM or GRU that has several, in the layout that the kernels write.
fn sequences(draft: &Draft, id: NodeId) -> Option<usize> {
    let node = draft.node(id).filter(|node| matches!(node.op.as_str(), "LSTM" | "GRU"))?;
    let count = *draft.value(draft.input(id, 0)?).shape.get(1)?;
    (node.int("layout").unwrap_or(0) == 0 && count > 1).then_some(count)
}

fn each_sequence(rewrite: &mut Rewrite, count: usize) {
    let node = rewrite.node.clone();
    let parts: Vec<(usize, Vec<At>)> = INPUT_AXES
        .iter()
        .filter_map(|&(index, axis)| {
            Some((index, rewrite.input(index).map(|at| rewrite.split(at, axis, &vec![1; count]))?))
        })
        .collect();
    let outputs = rewrite.outputs();
    let mut made: Vec<Vec<At>> = vec![Vec::with_capacity(count); outputs.len()];
    for sequence in 0..count {
        let mut own = Vec::with_capacity(outputs.len());
        for ((output, port), &axis) in outputs.iter().zip(&OUTPUT_AXES) {
            let mut shape = rewrite.shape(*output);
            shape.iter_mut().skip(axis).take(1).for_each(|size| *size = 1);
            own.push((rewrite.value(*output, shape), port.clone()));
        }
        let id = rewrite.add(&node.op, &[], &own, &[]);
        made.iter_mut().zip(own).for_each(|(made, own)| made.push(own));
        let mut inputs = node.inputs.clone();
        for (index, parts) in &parts {
            inputs[*index] = Some(parts[sequence].0); // an input, and one part a sequence
        }
        inputs.iter().flatten().for_each(|&value| rewrite.draft.value_mut(value).readers.push(id));
        if let Some(new) = rewrite.draft.node_mut(id) {
            (new.inputs, new.attributes) = (inputs, node.attributes.clone());
            new.ports.0.clone_from(&node.ports.0);
        }
    }
    for (((output, _), parts), &axis) in outputs.iter().zip(&made).zip(&OUTPUT_AXES) {
        let value = rewrite.draft.value(*output);
        if !value.readers.is_empty() || rewrite.draft.outputs.contains(output) {
            rewrite.concat(parts, axis, Some(*output));
        }
    }
    rewrite.note(&format!(
        "it is replaced by a {} for each of its {count} sequences, since ESP-DL runs them as one",
        node.op
    ));
}

fn batch(draft: &Draft, id: NodeId) -> Option<usize> {
    let node = draft.node(id)?;
    let is_limited = ops::on_chip(&node.op)?.limits.iter().any(|limit| limit.name == ops::BATCH.name);
    let count = *draft.value(draft.input(id, 0)?).shape.first()?;
    (is_limited && count > 1).then_some(count)
}

fn each(rewrite: &mut Rewrite, count: usize) -> Option<()> {
    let (input, output) = (rewrite.input(0)?, rewrite.output()?);
    let parts = rewrite.split(input, 0, &vec![1; count]);
    let mut shape = rewrite.shape(output.0);
    *shape.first_mut()? = 1;
    let mut made: Vec<At> = Vec::with_capacity(count);
    for part in parts {
        let one = (rewrite.value(output.0, shape.clone()), output.1.clone());
        let inputs: Vec<At> = std::iter::once(part).chain((1..).map_while(|i| rewrite.input(i))).collect();
        let (op, attributes) = (rewrite.node.op.clone(), rewrite.node.attributes.clone());
        let id = rewrite.add(&op, &inputs, std::slice::from_ref(&one), &[]);
        rewrite.draft.node_mut(id).into_iter().for_each(|node| node.attributes.clone_from(&attributes));
        made.push(one);
    }
    rewrite.concat(&made, 0, Some(output.0));
    let op = rewrite.node.op.clone();
    rewrite.note(&format!(
        "it is replaced by a {op} for each of its batch of {count}, since ESP-DL computes only the first"
    ));
    Some(())
}
