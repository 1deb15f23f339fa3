//! GlobalMaxPool, which ESP-DL 3.3.9 lacks, as ReduceMax over all places (`dl_module_reduce_max.hpp`); without places, as a
//! Reshape, which copies.

use super::draft::Draft;

pub fn reduce(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|node| node.op == "GlobalMaxPool") else { continue };
        let name = node.name.clone();
        let shape = draft.input(id, 0).map_or(Vec::new(), |value| draft.value(value).shape.clone());
        // A ReduceMax over no axes would reduce all.
        let (op, list) = match shape.len() {
            0..=2 => ("Reshape", shape),
            rank => ("ReduceMax", (2..rank).collect()),
        };
        draft.node_mut(id).into_iter().for_each(|node| node.op = op.to_string());
        draft.append_sizes(id, &list);
        draft.differences.push(format!("{name}: GlobalMaxPool, which ESP-DL does not support, is replaced by {op}"));
    }
}
