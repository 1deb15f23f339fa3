//! Reductions of no axes, which ESP-DL 3.3.9 takes for all (`dl_module_reduce_base.hpp`): an axis of size 1 is reduced.

use crate::chip::Axes;
use crate::espdl::Attribute;
use crate::graph::NodeId;
use crate::ops;

use super::draft::Draft;

pub fn reduce_one(draft: &mut Draft) {
    for id in draft.order() {
        if !is_empty(draft, id) {
            continue;
        }
        let Some(shape) = draft.input(id, 0).map(|value| draft.value(value).shape.clone()) else { continue };
        let axis = shape.iter().position(|&size| size == 1).unwrap_or(shape.len());
        let Some(node) = draft.node_mut(id) else { continue };
        let name = node.name.clone();
        node.inputs.truncate(1);
        node.attributes.retain(|(name, _)| name != "noop_with_empty_axes");
        node.set("keepdims", Attribute::Int(1));
        if axis == shape.len() {
            around(draft, id, &shape);
        }
        draft.append_sizes(id, &[axis]);
        draft.differences.push(format!("{name}: an axis of size 1 is reduced, since ESP-DL takes no axes for all"));
    }
}

fn is_empty(draft: &Draft, id: NodeId) -> bool {
    let Some(node) = draft.node(id) else { return false };
    let reduces = ops::on_chip(&node.op).is_some_and(|chip| chip.axes == Axes::Reduced);
    let has_axes = draft.input(id, 1).is_some_and(|value| draft.value(value).integers() != Some(Vec::new()));
    reduces && node.int("noop_with_empty_axes").unwrap_or(0) != 0 && !has_axes
}

/// Reshapes that give the node an axis of size 1.
fn around(draft: &mut Draft, id: NodeId, shape: &[usize]) {
    let wide = [shape, &[1]].concat();
    let Some(before) = draft.insert_before(id, 0, "Reshape", wide.clone()) else { return };
    draft.append_sizes(before, &wide);
    draft.forget_perm(before);
    let Some(after) = draft.insert_after(id, 0, "Reshape", wide) else { return };
    draft.append_sizes(after, shape);
}
