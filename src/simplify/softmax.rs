//! Softmax before operator set 13, which esp-ppq computes by the rule of today.

use crate::graph::Graph;
use crate::note::Note;

/// Notes each Softmax whose rows are more than one axis: espq's figures are not esp-ppq's there.
pub fn note(graph: &mut Graph) {
    if graph.opset >= 13 {
        return;
    }
    let mut notes = Vec::new();
    for node in graph.nodes.iter().filter(|node| node.is("Softmax") || node.is("LogSoftmax")) {
        let Some(shape) = node.input(0).and_then(|id| graph.shape(id)) else { continue };
        let axis = node.attributes.int_or("axis", 1);
        let first = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let Some(joined) = usize::try_from(first).ok().and_then(|first| shape.get(first..)) else { continue };
        if joined.iter().filter(|&&d| d > 1).count() > 1 {
            let text = format!(
                "{} of operator set {} joins all axes from {axis} on, {joined:?}; esp-ppq takes axis {axis} alone. \
                 If that was meant, export with opset_version=13 or later",
                node.op, graph.opset
            );
            notes.push(Note::of_layer(&node.name, text));
        }
    }
    graph.notes.extend(notes);
}
