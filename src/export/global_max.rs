//! GlobalMaxPool, which ESP-DL 3.3.9 lacks, as ReduceMax over all places (`dl_module_reduce_max.hpp`).

use super::draft::Draft;

pub fn reduce(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|node| node.op == "GlobalMaxPool") else { continue };
        let name = node.name.clone();
        let rank = draft.input(id, 0).map_or(0, |value| draft.value(value).shape.len());
        draft.node_mut(id).into_iter().for_each(|node| node.op = "ReduceMax".to_string());
        draft.append_sizes(id, &(2..rank).collect::<Vec<usize>>());
        draft
            .differences
            .push(format!("{name}: GlobalMaxPool, which ESP-DL does not support, is replaced by ReduceMax"));
    }
}
