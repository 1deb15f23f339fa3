//! Abs, which ESP-DL 3.3.9 lacks, as LeakyRelu with the slope -1 (`dl_module_leaky_relu.hpp`).

use crate::espdl::Attribute;

use super::draft::Draft;

pub fn by_slope(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node_mut(id).filter(|node| node.op == "Abs") else { continue };
        node.op = "LeakyRelu".to_string();
        node.set("alpha", Attribute::Float(-1.0));
        let name = node.name.clone();
        draft
            .differences
            .push(format!("{name}: Abs, which ESP-DL does not support, is replaced by LeakyRelu with slope -1"));
    }
}
