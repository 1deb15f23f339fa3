//! Softmax and LogSoftmax in the form of their kernels (`dl_module_softmax.hpp`).
//!
//! Before operator set 13, Softmax joins all axes from `axis` on, and the kernel takes one: axes of size 1 join nothing,
//! several that do are made one by a Reshape. At int8, the kernel reads exponentials from a table without subtracting the
//! maximum first.

use crate::chip::QuantType;
use crate::espdl::Attribute;
use crate::ops;

use super::draft::{Draft, DraftNode};

/// Runs a Softmax of 8-bit integers beyond 88 at 16 bits: `forward_lut` sums exponentials that overflow float32, and the
/// kernel for 16 bits subtracts the maximum first. The integers stay the same.
pub fn widen(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node_mut(id).filter(|node| is_softmax(node)) else { continue };
        let is_narrow = node.quant_type() == Some(QuantType::S8);
        let Some(port) = node.ports.0.first_mut().and_then(Option::as_mut).filter(|_| is_narrow) else { continue };
        if port.exponents.iter().all(|&exponent| !ops::exponentials_overflow(exponent)) {
            continue;
        }
        port.bits = 16;
        node.set_quant_type(QuantType::S16);
        let name = node.name.clone();
        draft.differences.push(format!(
            "{name}: it runs at 16 bits on the integers of its 8-bit input, since exponentials of these overflow at 8 bits"
        ));
    }
}

fn is_softmax(node: &DraftNode) -> bool {
    matches!(node.op.as_str(), "Softmax" | "LogSoftmax")
}

pub fn join_axes(draft: &mut Draft, opset: i64) {
    if opset >= 13 {
        return;
    }
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|node| is_softmax(node)) else { continue };
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
