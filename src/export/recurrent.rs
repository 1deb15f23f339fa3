//! LSTM and GRU that run backwards: ESP-DL 3.3.9 runs them forward (`dl_module_lstm.hpp`, `dl_module_gru.hpp`). Gathers turn the sequence
//! around, before the node and behind it.

use crate::espdl::Attribute;
use crate::graph::NodeId;

use super::draft::Draft;
use super::rewrite::Rewrite;

pub fn turn_around(draft: &mut Draft) {
    for id in draft.order() {
        if let Some(steps) = backwards(draft, id)
            && let Some(mut rewrite) = Rewrite::of(draft, id)
        {
            forward(&mut rewrite, steps);
        }
    }
}

/// Returns the length of a sequence that is read backwards.
fn backwards(draft: &Draft, id: NodeId) -> Option<usize> {
    let node = draft.node(id).filter(|node| matches!(node.op.as_str(), "LSTM" | "GRU"))?;
    let is_backwards = node.text("direction") == Some("reverse") && node.int("layout").unwrap_or(0) == 0;
    draft.value(draft.input(id, 0)?).shape.first().copied().filter(|_| is_backwards)
}

fn forward(rewrite: &mut Rewrite, steps: usize) -> Option<()> {
    let node = rewrite.node.clone();
    let backwards: Vec<usize> = (0..steps).rev().collect();
    let turned = rewrite.input(0).map(|x| rewrite.gather(x, 0, &backwards))?;
    let mut outputs = rewrite.outputs();
    let all = outputs.first_mut()?;
    let shape = rewrite.shape(all.0);
    all.0 = rewrite.value(all.0, shape);
    let all = all.clone();
    let id = rewrite.add(&node.op, &[], &outputs, &[]);
    let mut inputs = node.inputs.clone();
    *inputs.first_mut()? = Some(turned.0);
    inputs.iter().flatten().for_each(|&value| rewrite.draft.value_mut(value).readers.push(id));
    let new = rewrite.draft.node_mut(id)?;
    (new.inputs, new.attributes) = (inputs, node.attributes.clone());
    new.ports.0.clone_from(&node.ports.0);
    new.set("direction", Attribute::Text(b"forward".to_vec()));
    let output = *node.outputs.first()?;
    if !rewrite.draft.value(output).readers.is_empty() || rewrite.draft.outputs.contains(&output) {
        let ahead = rewrite.gather(all, 0, &backwards);
        rewrite.finish(ahead);
    }
    rewrite.note("Gathers turn its sequence around, since ESP-DL runs it forward");
    Some(())
}
