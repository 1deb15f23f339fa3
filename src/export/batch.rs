//! A batch above 1 at kernels that compute the first of it (`dl_base_conv2d.hpp`, `dl_base_pool2d.hpp`): a Split, the node
//! once a part, and a Concat. Constants are shared.

use crate::graph::NodeId;
use crate::ops;

use super::draft::Draft;
use super::rewrite::{At, Rewrite};

pub fn unroll(draft: &mut Draft) {
    for id in draft.order() {
        let Some(count) = batch(draft, id) else { continue };
        if let Some(mut rewrite) = Rewrite::of(draft, id) {
            each(&mut rewrite, count);
        }
    }
}

fn batch(draft: &Draft, id: NodeId) -> Option<usize> {
    let node = draft.node(id)?;
    let is_limited = ops::on_chip(&node.op)?.has_limit(&ops::BATCH);
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
        rewrite.like(&[(0, part.0)], std::slice::from_ref(&one));
        made.push(one);
    }
    rewrite.concat(&made, 0, Some(output.0));
    let op = rewrite.node.op.clone();
    rewrite.note(&format!(
        "it is replaced by a {op} for each of its batch of {count}, since ESP-DL computes only the first"
    ));
    Some(())
}
