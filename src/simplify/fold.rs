//! Shapes of all values, and constant folding of all values that do not depend on the model's inputs.

use crate::graph::axes::MAX_ELEMENTS;
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::ops::{self, Call, Fact};
use crate::{Error, Result, bail};

use super::{operators, scales};

/// Operators with random results, which must not be folded.
pub const RANDOM: [&str; 6] =
    ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"];

/// Infers type and shape of every value; an error names the first layer for which this fails.
pub fn infer(graph: &mut Graph) -> Result<()> {
    for id in graph.node_ids() {
        let facts = facts(graph, id)?;
        set(graph, id, facts);
    }
    Ok(())
}

/// Infers types and shapes as far as possible; returns `true` if something new is known.
pub fn infer_known(graph: &mut Graph) -> bool {
    let mut learned = false;
    for id in graph.node_ids() {
        if let Ok(facts) = node_facts(graph, id) {
            learned |= set(graph, id, facts);
        }
    }
    learned
}

/// Folds nodes that only read constants; returns `true` if there were any.
pub fn fold(graph: &mut Graph) -> bool {
    let mut changed = false;
    for id in graph.node_ids() {
        let Ok(facts) = node_facts(graph, id) else {
            continue;
        };
        let folded = fold_node(graph, id, &facts);
        if !folded {
            set(graph, id, facts);
        }
        changed |= folded;
    }
    if changed {
        let values = &graph.values;
        graph.nodes.retain(|node| !node.outputs.iter().flatten().all(|o| values[o.0].constant.is_some()));
    }
    changed
}

/// Stores facts; returns `true` if a value had no shape before.
fn set(graph: &mut Graph, id: NodeId, facts: Vec<Fact>) -> bool {
    let outputs = graph.node(id).outputs.clone();
    let mut learned = false;
    for (output, fact) in outputs.into_iter().zip(facts) {
        let Some(output) = output else { continue };
        let value = &mut graph.values[output.0];
        learned |= value.shape.is_none();
        value.data_type = Some(fact.data_type);
        value.shape = Some(fact.shape);
    }
    learned
}

/// Computes a node's outputs if all its inputs are known; returns `true` if it did.
fn fold_node(graph: &mut Graph, id: NodeId, facts: &[Fact]) -> bool {
    let node = graph.node(id);
    let known: Option<Vec<_>> = if facts.len() >= node.outputs.len() && facts.iter().all(|f| f.constant.is_some()) {
        facts.iter().map(|f| f.constant.clone()).collect()
    } else {
        run(graph, node)
    };
    let Some(results) = known else { return false };
    let outputs = node.outputs.clone();
    let scales = scales::moved(graph, node, &results);
    for (output, result) in outputs.into_iter().zip(results) {
        if let Some(ValueId(v)) = output {
            graph.values[v].data_type = Some(result.data_type());
            graph.values[v].shape = Some(result.shape().to_vec());
            graph.values[v].constant = Some(result);
            graph.values[v].scales.extend(scales.iter().cloned());
        }
    }
    true
}

fn run(graph: &Graph, node: &Node) -> Option<Vec<crate::graph::Tensor>> {
    let constant = node.inputs.iter().flatten().all(|v| graph.value(*v).constant.is_some());
    if !constant || !node.domain.is_empty() || RANDOM.contains(&node.op.as_str()) {
        return None;
    }
    let inputs = ops::input_facts(graph, node).ok()?;
    let call = Call::of(graph, node, &inputs);
    let kernel = (ops::find(&node.op)?.prepare)(&call).ok()?;
    let tensors = inputs.iter().map(|fact| fact.as_ref().and_then(|f| f.constant.clone())).collect();
    let results = kernel.run(tensors).ok()?;
    (results.len() >= node.outputs.len()).then_some(results)
}

fn facts(graph: &Graph, id: NodeId) -> Result<Vec<Fact>> {
    const LOOK: &str = "check the shapes and attributes of this layer in Netron, fix the model and export it again";
    node_facts(graph, id).map_err(|e| e.in_layer(graph.title(id)).with_help(LOOK))
}

fn node_facts(graph: &Graph, id: NodeId) -> Result<Vec<Fact>> {
    let node = graph.node(id);
    if let Some(refusal) = operators::refusal(node) {
        return Err(refusal);
    }
    let Some(operator) = ops::find(&node.op) else { bail!("operator {} is not supported", node.op) };
    const FIX: &str = "export the model with fixed shapes, so that no shape depends on data";
    let inputs = ops::input_facts(graph, node).map_err(|e| e.with_help(FIX))?;
    let call = Call::of(graph, node, &inputs);
    let facts = (operator.infer)(&call)?;
    if facts.len() < node.outputs.len() {
        return Err(Error::new(format!(
            "{} has {} outputs, but the model expects {}",
            node.op,
            facts.len(),
            node.outputs.len()
        )));
    }
    for (fact, output) in facts.iter().zip(&node.outputs) {
        if let Some(output) = output {
            check_size(&fact.shape, &graph.value(*output).name)?;
        }
    }
    Ok(facts)
}

/// Refuses shapes beyond any memory, before anything is allocated.
fn check_size(shape: &[usize], name: &str) -> Result<()> {
    match shape.iter().try_fold(1usize, |size, &d| size.checked_mul(d)) {
        Some(size) if size <= MAX_ELEMENTS => Ok(()),
        _ => Err(Error::new(format!("its output '{name}' has shape {shape:?}, more than {MAX_ELEMENTS} elements"))
            .with_help("no ESP32 has memory for such a tensor: check the shape of the layer's input")),
    }
}
