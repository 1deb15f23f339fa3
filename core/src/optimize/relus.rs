//! Clips from 0 that lose their upper bound before equalization, as in ESP-DL's tutorial: factors pass a Relu only.

use crate::Result;
use crate::graph::{Graph, NodeId};
use crate::note::Note;
use crate::quant::{Edits, Plan};

/// Plans the network without the bounds, if the settings want that, and returns the change.
pub fn left_unbounded(plan: &Plan) -> Result<(Plan, Edits)> {
    let mut edits = Edits::default();
    let settings = &plan.settings;
    if settings.recipe.has(super::EQUALIZATION) && settings.equalization.relu6_as_relu {
        edits.relus = plan.graph.node_ids().filter(|&id| begins_at_0(&plan.graph, id)).collect();
    }
    let plan = if edits.is_empty() { plan.clone() } else { plan.with_equivalent(&edits)? };
    Ok((plan, edits))
}

fn begins_at_0(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let low = graph.constant(node, 1).and_then(|low| low.slice::<f32>()?.first().copied());
    node.is("Clip") && low.or(node.attributes.float("min")) == Some(0.0)
}

/// Says that the network is another one.
pub fn note(edits: &Edits) -> Option<Note> {
    let count = edits.relus.len();
    (count > 0).then(|| {
        Note::new(format!(
            "`relu6-as-relu` made a Relu of {count} ReLU6: the network differs from the model wherever a value exceeds the bound, \
             and the errors of the outputs contain that"
        ))
    })
}
