//! Pairs of layers that esp-ppq's equalization and channel split change together.
//!
//! esp-ppq: `find_equalization_pair` in `optim/equalization.py`. Pairs are left out through which an input, an output or an Add
//! with a constant would be scaled: esp-ppq changes the function of the network there. A ConvTranspose is InsertZeros and a
//! Conv here.

use std::collections::BTreeMap;

use crate::graph::edit::Links;
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::order;
use crate::{Error, Result};

use super::sets::Sets;
use super::weighted::Weighted;

/// Layers that a factor passes at both levels.
const PASSED: [&str; 9] = [
    "Relu",
    "MaxPool",
    "GlobalMaxPool",
    "PRelu",
    "AveragePool",
    "GlobalAveragePool",
    "LeakyRelu",
    "Identity",
    "InsertZeros",
];
/// Layers that it passes at level 2 only.
const PASSED_AT_2: [&str; 2] = ["Add", "Sub"];

/// Layers that share channels: those that write the values between them, and those that read them.
#[derive(Debug, Default)]
pub struct Pair {
    pub upstream: Vec<usize>,
    pub downstream: Vec<usize>,
    pub values: Vec<ValueId>,
}

impl Pair {
    pub fn channels(&self, layers: &[Weighted]) -> usize {
        self.upstream.first().map_or(0, |&layer| layers[layer].outputs)
    }
}

/// Returns the layers of which esp-ppq makes pairs.
pub fn layers(graph: &Graph) -> Vec<Weighted> {
    Weighted::all(graph).into_iter().filter(|layer| !graph.node(layer.node).is("MatMul")).collect()
}

/// Finds the pairs, in the order of the layers from which esp-ppq finds them: all, or those of `interested`.
pub fn pairs(
    graph: &Graph,
    links: &Links,
    layers: &[Weighted],
    level: usize,
    interested: &[String],
) -> Result<Vec<Pair>> {
    let mut sets = Sets::new(graph.values.len());
    graph.inputs.iter().chain(&graph.outputs).for_each(|value| sets.fix(*value));
    let mut by_node: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    layers.iter().enumerate().for_each(|(index, layer)| by_node[layer.node.0] = Some(index));
    for id in graph.node_ids().filter(|id| by_node[id.0].is_none()) {
        join(graph, links, graph.node(id), level, &mut sets);
    }
    let mut found: BTreeMap<usize, Pair> = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        found.entry(sets.root(layer.output)).or_default().upstream.push(index);
        found.entry(sets.root(layer.input)).or_default().downstream.push(index);
    }
    for value in (0..graph.values.len()).map(ValueId).filter(|value| graph.value(*value).constant.is_none()) {
        if let Some(pair) = found.get_mut(&sets.root(value)) {
            pair.values.push(value);
        }
    }
    found.retain(|root, pair| {
        let before = pair.upstream.iter().map(|&layer| layers[layer].outputs);
        let mut channels = before.chain(pair.downstream.iter().map(|&layer| layers[layer].inputs));
        let first = channels.next();
        let is_same = channels.all(|count| Some(count) == first);
        is_same && !sets.is_fixed(*root) && !pair.upstream.is_empty() && !pair.downstream.is_empty()
    });
    let starts: Vec<NodeId> = match interested.is_empty() {
        true => graph.insertion_order(),
        false => interested.iter().map(|name| named(graph, name)).collect::<Result<_>>()?,
    };
    let mut places: Vec<Option<usize>> = vec![None; layers.len()];
    for (place, start) in starts.iter().enumerate() {
        if let Some(index) = by_node[start.0] {
            places[index].get_or_insert(place);
        }
    }
    let first = |pair: &Pair| pair.upstream.iter().filter_map(|&layer| places[layer]).min();
    let mut placed: Vec<(usize, Pair)> = found.into_values().filter_map(|pair| Some((first(&pair)?, pair))).collect();
    order::sort_by_key(&mut placed, |&(place, _)| place);
    Ok(placed.into_iter().map(|(_, pair)| pair).collect())
}

/// Finds a layer that an option names.
pub fn named(graph: &Graph, name: &str) -> Result<NodeId> {
    graph.node_ids().find(|&id| graph.node(id).name == name).ok_or_else(|| {
        Error::new(format!("the model has no layer `{name}`, which `interested-layers` names"))
            .with_help("`espq report` shows the names")
    })
}

/// Joins the values around a layer that a factor passes, and fixes those around any other.
fn join(graph: &Graph, links: &Links, node: &Node, level: usize, sets: &mut Sets) {
    let is_computed = |value: &ValueId| graph.value(*value).constant.is_none();
    let computed: Vec<ValueId> = node.inputs.iter().flatten().copied().filter(is_computed).collect();
    let op = node.op.as_str();
    let passes = node.domain.is_empty()
        && match PASSED_AT_2.contains(&op) {
            true => level >= 2 && computed.len() == 2 && graph.shape(computed[0]) == graph.shape(computed[1]),
            false => computed.len() == 1 && (PASSED.contains(&op) || is_crop(graph, links, node)),
        };
    let values: Vec<ValueId> = computed.into_iter().chain(node.outputs.iter().flatten().copied()).collect();
    match passes {
        true => values.windows(2).for_each(|pair| sets.union(pair[0], pair[1])),
        false => values.into_iter().for_each(|value| sets.fix(value)),
    }
}

/// Returns `true` for the Slice that belongs to a ConvTranspose.
fn is_crop(graph: &Graph, links: &Links, node: &Node) -> bool {
    node.is("Slice") && links.before(node, 0).is_some_and(|before| graph.node(before).is("InsertZeros"))
}

/// Returns `true` for a Conv that was a ConvTranspose with a stride.
pub fn is_transposed(graph: &Graph, links: &Links, layer: &Weighted) -> bool {
    let Some(before) = links.producers[layer.input.0].map(|before| graph.node(before)) else { return false };
    before.is("InsertZeros") || is_crop(graph, links, before)
}
