//! A batch that is written into the model, where the model is to have a batch of 1.

use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId};
use crate::{Error, Kind};

/// Returns the error of the Reshape whose shape holds a batch, where a node reads what it makes; `None` where there is
/// none before the node.
pub fn written(graph: &Graph, failing: NodeId) -> Option<Error> {
    let links = Links::of(graph);
    let mut open = vec![failing];
    let mut next = 0;
    while let Some(&id) = open.get(next) {
        next += 1;
        if let Some(error) = literal(graph, id) {
            return Some(error);
        }
        let inputs = graph.node(id).inputs.iter().flatten();
        let before: Vec<NodeId> = inputs.filter_map(|input| links.producers[input.0]).collect();
        open.extend(before.into_iter().filter(|id| !open.contains(id)).collect::<Vec<_>>());
    }
    None
}

/// The error of a Reshape from a batch of 1 to another one.
fn literal(graph: &Graph, id: NodeId) -> Option<Error> {
    let node = graph.node(id);
    let shape = graph.constant(node, 1).filter(|_| node.is("Reshape"))?.to_i64s()?;
    let is_of_one = graph.shape(node.input(0)?)?.first() == Some(&1);
    let batch = *shape.first().filter(|&&first| first > 1 && is_of_one)?;
    let what = format!("its shape {shape:?} has a batch of {batch} written in it, and the model's batch is 1");
    let help =
        "export with an example of batch 1; or, in PyTorch, keep the batch: x.flatten(1) or x.reshape(x.shape[0], -1)";
    Some(Error::new(what).in_layer(graph.title(id)).with_help(help).of_kind(Kind::Batch))
}
