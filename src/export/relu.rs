//! Fusion of Relu after Conv, Gemm and MatMul into their `activation` (esp-ppq 1.3.12, `FuseReluLikePattern`).
//!
//! The layer keeps its name, its output takes Relu's name. Unlike in esp-ppq, a sum that is an output of the graph is
//! kept, and a layer is not fused with a Relu of another width.

use crate::espdl::Attribute;
use crate::graph::NodeId;
use crate::ops;

use super::draft::Draft;

/// Moves each Relu that only one such layer feeds into the layer's `activation`.
pub fn fuse_relu(draft: &mut Draft) {
    for id in draft.order() {
        let Some(chip) = draft.node(id).and_then(|n| ops::on_chip(&n.op)).filter(|chip| chip.packs_weights) else {
            continue;
        };
        let relu = only_relu(draft, id, chip.fuses);
        if let Some(relu) = relu {
            draft.take_output(id, relu);
            draft.absorb(relu);
        }
        if let Some(node) = draft.node_mut(id) {
            let activation = if relu.is_some() { "Relu" } else { "Linear" };
            node.set("activation", Attribute::Text(activation.as_bytes().to_vec()));
        }
    }
}

/// Returns the Relu that is the only reader of a layer's output, if it has the layer's width.
fn only_relu(draft: &Draft, id: NodeId, fuses: &[&str]) -> Option<NodeId> {
    let output = *draft.node(id)?.outputs.first()?;
    let &[reader] = draft.readers(id).as_slice() else { return None };
    let bits = |id: NodeId| Some(draft.node(id)?.ports.1.first()?.as_ref().map(|p| p.bits));
    let is_fused = fuses.contains(&draft.node(reader)?.op.as_str());
    let fits = is_fused && bits(id) == bits(reader) && !draft.outputs.contains(&output);
    fits.then_some(reader)
}
