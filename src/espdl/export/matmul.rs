//! How MatMul's right side lies (esp-ppq 1.3.12, `InsertPreNodeOfMatMulPattern`).

use crate::espdl::Attribute;

use super::draft::Draft;

/// Says for every MatMul how its right side lies: constants are packed, see `weights`.
pub fn right_sides(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| n.op == "MatMul" && n.ports.1.iter().any(Option::is_some)) else {
            continue;
        };
        let Some(right) = node.inputs.get(1).copied().flatten() else { continue };
        let layout = if draft.value(right).constant.is_some() { "packed" } else { "native_kn" };
        if let Some(node) = draft.node_mut(id) {
            node.set("input1_layout", Attribute::Text(layout.as_bytes().to_vec()));
        }
    }
}
