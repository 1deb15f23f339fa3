//! Removal of a pair of Reshapes, from rows and back to rows, with only elementwise layers between them, which then run
//! on rows. `gemm::from_batched_matmul_add` creates such pairs.

use std::collections::HashSet;

use crate::graph::edit::Links;
use crate::graph::{Graph, Node, NodeId, ValueId};

const ELEMENTWISE: [&str; 18] = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Erf",
    "Relu",
    "Sigmoid",
    "Tanh",
    "Sqrt",
    "Exp",
    "Log",
    "Neg",
    "Abs",
    "Softplus",
    "Reciprocal",
    "Gelu",
    "Cast",
];

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let Some((top, rows)) = flattened(graph, id, links) else { return false };
    let Some(region) = region(graph, links, top, &rows) else { return false };
    let Some(output) = graph.node(id).output(0) else { return false };
    if !graph.replace_uses(output, top) {
        return false;
    }
    for (node, port, source) in region.rewires {
        if let Some(old) = graph.nodes[node.0].inputs[port].replace(source) {
            graph.replaced.push((old, source));
        }
    }
    for node in region.nodes {
        for made in graph.node(node).outputs.clone().into_iter().flatten() {
            graph.values[made.0].shape = Some(rows.clone());
        }
    }
    true
}

/// Returns the input of a Reshape that merges leading axes, and its shape.
fn flattened(graph: &Graph, id: NodeId, links: &Links) -> Option<(ValueId, Vec<usize>)> {
    let node = graph.node(id);
    let (top, made) = (node.input(0)?, node.output(0)?);
    graph.constant(node, 1)?;
    let (shape, rows) = (graph.shape(top)?, graph.shape(made)?);
    let flat = node.is("Reshape") && shape.len() >= 3 && rows.len() == 2 && shape.last() == rows.last();
    (flat && graph.uses(links, top) == 1).then(|| (top, rows.to_vec()))
}

struct Region {
    nodes: HashSet<NodeId>,
    /// Node and port that read a Reshape's result, and the value that this Reshape reads.
    rewires: Vec<(NodeId, usize, ValueId)>,
}

/// Returns the elementwise nodes above `top`, if all their inputs are rows or constants along the last axis.
fn region(graph: &Graph, links: &Links, top: ValueId, rows: &[usize]) -> Option<Region> {
    let root = links.producers[top.0].filter(|root| is_elementwise(graph.node(*root)))?;
    let mut region = Region { nodes: HashSet::from([root]), rewires: Vec::new() };
    let mut open = vec![root];
    while let Some(at) = open.pop() {
        let closed = |id: &ValueId| {
            let inside = links.consumers[id.0].iter().all(|(reader, _)| region.nodes.contains(reader));
            inside && !graph.outputs.contains(id)
        };
        if at != root && !graph.node(at).outputs.iter().flatten().all(closed) {
            return None;
        }
        for port in 0..graph.node(at).inputs.len() {
            let value = graph.node(at).input(port)?;
            let producer = links.producers[value.0];
            if let Some(source) = producer.and_then(|p| rows_before(graph, p, rows)) {
                region.rewires.push((at, port, source));
            } else if graph.value(value).constant.as_ref().is_some_and(|c| c.rank() <= 1) {
                // Broadcasts in the same way along rows.
            } else {
                let producer = producer.filter(|p| is_elementwise(graph.node(*p)))?;
                (graph.shape(value) == graph.shape(top)).then_some(())?;
                if region.nodes.insert(producer) {
                    open.push(producer);
                }
            }
        }
    }
    (!region.rewires.is_empty()).then_some(region)
}

fn rows_before(graph: &Graph, id: NodeId, rows: &[usize]) -> Option<ValueId> {
    let source = graph.node(id).input(0).filter(|_| graph.node(id).is("Reshape"))?;
    (graph.shape(source) == Some(rows)).then_some(source)
}

fn is_elementwise(node: &Node) -> bool {
    node.domain.is_empty() && ELEMENTWISE.contains(&node.op.as_str())
}
