//! Removal of the second of two equal idempotent nodes in a row: Relu, Reshape, Floor, ...

use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId, Tensor};
use crate::note::Note;

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) = links.before(node, 0) else { return false };
    let same = matches!(node.op.as_str(), "Ceil" | "Floor" | "Round" | "Relu" | "Reshape" | "Sign")
        && node.domain.is_empty()
        && graph.node(before).is(&node.op);
    let (Some(between), Some(first)) = (node.input(0), graph.node(before).input(0)) else { return false };
    if !same || graph.uses(links, between) != 1 {
        return false;
    }
    if node.op == "Reshape" && !resolve(graph, id) {
        return false;
    }
    graph.replace_uses(between, first)
}

/// Resolves zeros in the second shape, which copy dimensions of the first result. onnxsim keeps them, so the model then
/// fails or gets another shape.
fn resolve(graph: &mut Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let (Some(wanted), Some(output)) = (graph.constant(node, 1).and_then(Tensor::to_i64s), node.output(0)) else {
        return false;
    };
    if !wanted.contains(&0) {
        return true;
    }
    let Some(shape) = graph.shape(output) else { return false };
    let dims: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
    let Ok(tensor) = Tensor::new(&[dims.len()], dims) else { return false };
    let name = format!("{}_shape", graph.value(output).name);
    let constant = graph.fresh_constant(&name, tensor);
    let title = graph.title(id);
    graph.nodes[id.0].inputs[1] = Some(constant);
    let text = format!(
        "its shape {wanted:?} copies dimensions of a Reshape that is merged into it; they are written as numbers, \
         since onnxsim would lose them"
    );
    graph.notes.push(Note::of_layer(title, text));
    true
}
