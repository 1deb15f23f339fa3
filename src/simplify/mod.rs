//! From the graph as exported to the graph that is quantized.
//!
//! For a model in ONNX's dialect, the first half does what onnxsim does (its passes and onnx-optimizer's, to a fixed point, with
//! constants folded in between); the second what esp-ppq does when it loads the result
//! (`api/interface.py`, `format_graph`). Names and order come out as theirs, because layers are
//! chosen by name and passes depend on order. Where they break a good model, the right graph is
//! made instead and a note says so.
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

pub use fold::{MAX_ELEMENTS, infer};

/// A graph in topological order whose every value has a type and a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Simplified {
    pub graph: Graph,
    /// Unexpected results, for the user or against esp-ppq, one sentence each.
    pub notes: Vec<String>,
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

/// Folds what is constant, and drops what nothing reads.
fn fold_all(graph: &mut Graph) {
    fold::infer_known(graph);
    while fold::fold(graph) {
        fold::infer_known(graph);
    }
    graph.drop_dead();
}

/// Puts producers before consumers; a graph where they are keeps its order.
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
