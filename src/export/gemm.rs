//! Gemm with an untransposed first input: the loader asserts that `transA` is 0, and onnxsim folds Transposes into it.

use crate::espdl::Attribute;

use super::draft::{Draft, perm_attribute};

pub fn turn_first_inputs(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| n.op == "Gemm" && n.int("transA").unwrap_or(0) != 0) else {
            continue;
        };
        let (name, input) = (node.name.clone(), draft.input(id, 0));
        let Some([rows, columns]) = input.and_then(|v| <[usize; 2]>::try_from(draft.value(v).shape.clone()).ok())
        else {
            continue;
        };
        let Some(turned) = draft.insert_before(id, 0, "Transpose", vec![columns, rows]) else { continue };
        if let Some(turned) = draft.node_mut(turned) {
            turned.set("perm", perm_attribute(&[1, 0]));
        }
        if let Some(node) = draft.node_mut(id) {
            node.set("transA", Attribute::Int(0));
        }
        draft.differences.push(format!("{name}: transA, which the loader refuses, is replaced by a Transpose"));
    }
}
