//! Simplification of the exported graph to the graph that is quantized.
//!
//! Operators that neither tool has are first written with operators that they have. For a model in ONNX's dialect, the first
//! half then emulates onnxsim (its passes and onnx-optimizer's, to a fixed point, with constant folding in between), the
//! second half esp-ppq's loading of the result (`api/interface.py`, `format_graph`). Names and order are equal to theirs,
//! because layers are selected by name and passes depend on order. If they break a valid model, a correct graph is made
//! instead, with a note.
//!
//! Never: scales, targets.

mod batch;
mod cut;
mod fold;
mod gemm;
mod head;
mod lower;
mod name;
mod names;
mod onnxsim;
mod operators;
mod places;
mod ppq;
mod scales;
mod softmax;
#[cfg(test)]
mod tests;
mod verify;

use crate::graph::{Graph, edit::Links};
use crate::model::{Dialect, Imported};
use crate::note::Note;
use crate::{Error, Result};
use names::Origins;

pub use cut::{Cut, End, Ends, cut};
pub use fold::infer;
pub use head::head;
pub use names::LayerNames;
pub use places::{Place, places};

/// Graph in topological order whose values all have a type and a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Simplified {
    /// Graph to quantize; its names are those in reports.
    pub graph: Graph,
    /// Notes on unexpected results and on differences from esp-ppq.
    pub notes: Vec<Note>,
    /// Layers by the names that the file has.
    pub names: LayerNames,
    /// Set if the file has another format than ONNX, whose reader has added nodes such as Transposes of the inputs.
    pub is_translated: bool,
}

/// Simplifies a model by its dialect. Errors name the layer.
pub fn simplify(imported: Imported) -> Result<Simplified> {
    imported.check_fixed()?;
    let assumes_batch = imported.assumes_batch();
    let is_translated = imported.dialect == Dialect::Translated;
    let mut graph = imported.graph;
    sort(&mut graph)?;
    let origins = Origins::of(&graph, imported.record.constants, imported.record.cut_off);
    lower::lower(&mut graph);
    match imported.dialect {
        Dialect::Onnx => onnxsim::simplify(&mut graph),
        Dialect::Translated => fold_all(&mut graph),
    }
    name::unnamed(&mut graph);
    operators::check(&graph)?;
    let mut graph = ppq::format(graph)?;
    fold::infer(&mut graph).map_err(|error| match assumes_batch {
        true => written_batch(&graph, &error).unwrap_or(error),
        false => error,
    })?;
    gemm::settle(&mut graph);
    let names = origins.trace(&graph, &imported.record.modules);
    graph.replaced.clear();
    graph.drop_unused_values();
    verify::verify(&graph, assumes_batch)?;
    softmax::note(&mut graph);
    let notes = graph.notes.clone();
    Ok(Simplified { graph, notes, names, is_translated })
}

/// Returns the error of the Reshape with a literal batch that causes another layer's error.
fn written_batch(graph: &Graph, error: &Error) -> Option<Error> {
    let layer = error.layer()?;
    batch::written(graph, graph.node_ids().find(|&id| graph.title(id) == layer)?)
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
