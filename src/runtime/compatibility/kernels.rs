//! Kernel of a node: its operator, at its width.

use crate::chip::{Chip, Runtime, Scheme};
use crate::espdl::Node;

use super::{Context, Fault, quant_type};

/// Returns the fault of a node for whose operator the loader has no module.
pub fn missing(node: &Node) -> Fault {
    let what = format!("ESP-DL {} does not support the operator {}", Runtime::KNOWN, node.op);
    (what, "replace it by operators that ESP-DL supports, or update ESP-DL")
}

pub fn width(_: &Context, node: &Node, chip: &Chip) -> Option<Fault> {
    let scheme = quant_type(node)?.scheme();
    if chip.module().runs(scheme) {
        return None;
    }
    let (release, op) = (Runtime::KNOWN, &node.op);
    let what = match scheme {
        Scheme::Float => format!("{op} has no float kernel, so the chip does not load the model"),
        Scheme::W8A16 => format!("ESP-DL {release} does not support {op} with 8-bit weights and 16-bit activations"),
        Scheme::Int8 | Scheme::Int16 => {
            format!("{op} at {scheme} is an empty function in ESP-DL {release}: its output stays zero")
        }
    };
    Some((what, if chip.module().int16 { "give the layer int8 or int16" } else { "give the layer int8" }))
}
