//! Simplification of the exported graph to the graph that is quantized.
//!
//! For a model in ONNX's dialect, the first half emulates onnxsim (its passes and onnx-optimizer's, to a fixed point,
//! with constant folding in between), the second half esp-ppq's loading of the result (`api/interface.py`,
//! `format_graph`). Names and order are equal to theirs, because layers are selected by name and passes depend on
//! order. If they break a valid model, a correct graph is made instead, with a note.
//!
//! Never: scales, targets.

mod fold;
mod name;
mod onnxsim;
mod ppq;
mod softmax;
#[cfg(test)]
mod tests;
mod verify;

use crate::Result;
use crate::graph::{Graph, edit::Links};
use crate::model::{Dialect, Imported};
use crate::note::Note;

pub use fold::{MAX_ELEMENTS, infer};

/// Graph in topological order whose values all have a type and a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Simplified {
    /// Graph to quantize; its names are those in reports.
    pub graph: Graph,
    /// Notes on unexpected results and on differences from esp-ppq.
    pub notes: Vec<Note>,
}

/// Simplifies a model by its dialect. Errors name the layer.
pub fn simplify(imported: Imported) -> Result<Simplified> {
    let mut graph = imported.graph;
    sort(&mut graph)?;
    match imported.dialect {
        Dialect::Onnx => onnxsim::simplify(&mut graph),
        Dialect::Translated => fold_all(&mut graph),
    }
    name::unnamed(&mut graph);
    let mut graph = ppq::format(graph)?;
    fold::infer(&mut graph)?;
    graph.drop_unused_values();
    verify::verify(&graph)?;
    softmax::note(&mut graph);
    let notes = graph.notes.clone();
    Ok(Simplified { graph, notes })
}

/// Folds constants, and drops unused nodes and values.
fn fold_all(graph: &mut Graph) {
    fold::infer_known(graph);
    while fold::fold(graph) {
        fold::infer_known(graph);
    }
    graph.drop_dead();
}

/// Moves producers before consumers; a graph in topological order keeps its order.
fn sort(graph: &mut Graph) -> Result<()> {
    let links = Links::of(graph);
    let sorted = graph.node_ids().all(|id| {
        graph.node(id).inputs.iter().flatten().all(|v| links.producers[v.0].is_none_or(|producer| producer < id))
    });
    if !sorted {
        let order = graph.topological_order()?;
        graph.nodes = order.iter().map(|&id| graph.node(id).clone()).collect();
    }
    Ok(())
}
