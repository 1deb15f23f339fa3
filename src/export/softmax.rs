//! Softmax before operator set 13, which joins all axes from `axis` on; the kernel takes one (`dl_module_softmax.hpp`).
//!
//! Axes of size 1 join nothing. Several that do are made one by a Reshape.

use crate::chip::QuantType;
use crate::espdl::Attribute;

use super::draft::Draft;

pub fn join_axes(draft: &mut Draft, opset: i64) {
    if opset >= 13 {
        return;
    }
    for id in draft.order() {
        let is_softmax = |op: &str| matches!(op, "Softmax" | "LogSoftmax");
        let Some(node) = draft.node(id).filter(|node| is_softmax(&node.op)) else { continue };
        let (name, axis) = (node.name.clone(), node.int("axis").unwrap_or(1));
        let Some(shape) = draft.input(id, 0).map(|value| draft.value(value).shape.clone()) else { continue };
        let first = if axis < 0 { axis.saturating_add(shape.len() as i64) } else { axis };
        let first = usize::try_from(first).unwrap_or(usize::MAX).min(shape.len());
        let long: Vec<usize> = (first..shape.len()).filter(|&axis| shape[axis] > 1).collect();
        let axis = match long.as_slice() {
            [] => first.min(shape.len().saturating_sub(1)),
            [one] => *one,
            _ => {
                let joined = [shape[..first].iter().product(), shape[first..].iter().product()];
                let Some(before) = draft.insert_before(id, 0, "Reshape", joined.to_vec()) else { continue };
                draft.append_sizes(before, &joined);
                draft.forget_perm(before);
                let Some(after) = draft.insert_after(id, 0, "Reshape", joined.to_vec()) else { continue };
                draft.append_sizes(after, &shape);
                let makes_floats = draft.node(after).is_some_and(|node| node.ports.1.iter().all(Option::is_none));
                let after = draft.node_mut(after).filter(|_| makes_floats);
                after.into_iter().for_each(|node| node.set_quant_type(QuantType::F32));
                let count = long.len();
                draft
                    .differences
                    .push(format!("{name}: Reshapes join its {count} axes, of which the kernel takes one"));
                1
            }
        };
        // A rank fits any integer.
        draft.node_mut(id).into_iter().for_each(|node| node.set("axis", Attribute::Int(axis as i64)));
    }
}
