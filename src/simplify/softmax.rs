//! Notes on Softmax before operator set 13, which esp-ppq computes by the current definition.

use crate::graph::Graph;
use crate::note::Note;

/// Adds a note on each Softmax over more than one axis, for which espq's figures differ from esp-ppq's.
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
                "{} of operator set {} joins all axes from {axis} on, {joined:?}; esp-ppq normalizes axis {axis} only. \
                 If that is intended, export with opset_version=13 or later",
                node.op, graph.opset
            );
            notes.push(Note::of_layer(&node.name, text));
        }
    }
    graph.notes.extend(notes);
}
