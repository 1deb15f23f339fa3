//! Gemm as ESP-DL computes it: alpha and beta are factors of its constants, and its bias has a value for each column.

use crate::graph::{Attribute, Graph, NodeId, Tensor};
use crate::note::Note;

use super::scales;

/// Multiplies the factors into constant weights and biases, and repeats a bias of one value. Every constant has one
/// reader by now.
pub fn settle(graph: &mut Graph) {
    for id in graph.node_ids() {
        if graph.node(id).is("Gemm") {
            factor(graph, id, "alpha", 1);
            factor(graph, id, "beta", 2);
            spread(graph, id);
        }
    }
}

fn factor(graph: &mut Graph, id: NodeId, name: &str, port: usize) {
    let node = graph.node(id);
    let factor = node.attributes.float_or(name, 1.0);
    if factor == 1.0 {
        return;
    }
    if let Some(value) = node.input(port) {
        let Some(constant) = &graph.value(value).constant else { return };
        let Some(values) = constant.slice::<f32>() else { return };
        // As many values as before.
        let Ok(scaled) = Tensor::new(constant.shape(), values.iter().map(|v| v * factor).collect()) else { return };
        let of = if port == 1 { "weights" } else { "bias" };
        let text = format!("its {name} of {factor} is multiplied into the {of}: ESP-DL's Gemm has no factors");
        graph.notes.push(Note::of_layer(&graph.node(id).name, text));
        let value = &mut graph.values[value.0];
        value.constant = Some(scaled);
        scales::multiply(&mut value.scales, factor);
    }
    graph.nodes[id.0].attributes.set(name, Attribute::Float(1.0));
}

fn spread(graph: &mut Graph, id: NodeId) {
    let node = graph.node(id);
    let columns = node.output(0).and_then(|output| graph.shape(output)?.get(1).copied());
    let (Some(columns), Some(bias)) = (columns.filter(|&columns| columns > 1), node.input(2)) else { return };
    let Some(&[one]) = graph.value(bias).constant.as_ref().and_then(|constant| constant.slice::<f32>()) else { return };
    // As many values as the shape says.
    let Ok(repeated) = Tensor::new(&[columns], vec![one; columns]) else { return };
    let value = &mut graph.values[bias.0];
    value.shape = Some(vec![columns]);
    value.constant = Some(repeated);
}
