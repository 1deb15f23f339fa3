//! Chains of values with the same channels: a factor for each channel moves along a chain, from the weights before it
//! to those after it.

use std::collections::BTreeMap;

use crate::Result;
use crate::graph::{Graph, Node, Tensor, ValueId};
use crate::quant::Edits;

use super::sets::Sets;
use super::weighted::Weighted;

/// Layers that process every channel separately.
const BY_CHANNEL: [&str; 10] = [
    "AveragePool",
    "Dropout",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Identity",
    "InsertZeros",
    "LeakyRelu",
    "MaxPool",
    "PRelu",
    "Relu",
];

/// Values with the same channels.
#[derive(Debug, Default)]
pub struct Chain {
    pub channels: usize,
    pub values: Vec<ValueId>,
    /// Indices of layers whose output channels take the factors.
    pub producers: Vec<usize>,
    /// Indices of layers whose input channels take the inverses.
    pub consumers: Vec<usize>,
    /// Input and upper bound of each Clip from 0.
    pub clips: Vec<(ValueId, f64)>,
}

pub struct Channels {
    pub layers: Vec<Weighted>,
    /// Chains with weights on both sides.
    pub free: Vec<Chain>,
}

impl Channels {
    pub fn of(graph: &Graph) -> Channels {
        let layers = Weighted::all(graph);
        let mut by_node: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        layers.iter().enumerate().for_each(|(index, layer)| by_node[layer.node.0] = Some(index));
        let mut sets = Sets::new(graph.values.len());
        graph.inputs.iter().chain(&graph.outputs).for_each(|v| sets.fix(*v));
        for id in graph.node_ids().filter(|id| by_node[id.0].is_none()) {
            join(graph, graph.node(id), &mut sets);
        }
        let mut chains: BTreeMap<usize, Chain> = BTreeMap::new();
        for value in (0..graph.values.len()).map(ValueId).filter(|v| graph.value(*v).constant.is_none()) {
            chains.entry(sets.root(value)).or_default().values.push(value);
        }
        for (index, layer) in layers.iter().enumerate() {
            // Channels of Gemm are the last axis; in a MatMul over more axes they are not the second.
            let is_second =
                |value: ValueId, channels: usize| graph.shape(value).and_then(|s| s.get(1)) == Some(&channels);
            for (value, channels, is_producer) in
                [(layer.output, layer.outputs, true), (layer.input, layer.inputs, false)]
            {
                if !is_second(value, channels) {
                    sets.fix(value);
                }
                let chain = chains.entry(sets.root(value)).or_default();
                chain.channels = channels;
                if is_producer { chain.producers.push(index) } else { chain.consumers.push(index) }
            }
        }
        for node in graph.nodes.iter().filter(|n| n.is("Clip")) {
            if let (Some(input), Some(bound)) = (node.input(0), upper_bound(graph, node)) {
                chains.entry(sets.root(input)).or_default().clips.push((input, bound));
            }
        }
        let is_free = |(root, chain): &(usize, Chain)| {
            let layer_of_all = chain
                .producers
                .iter()
                .map(|&p| layers[p].outputs)
                .chain(chain.consumers.iter().map(|&c| layers[c].inputs));
            !sets.is_fixed(*root)
                && !chain.producers.is_empty()
                && !chain.consumers.is_empty()
                && layer_of_all.into_iter().all(|n| n == chain.channels)
        };
        let free = chains.into_iter().filter(is_free).map(|(_, chain)| chain).collect();
        Channels { layers, free }
    }

    /// Returns the constants around a chain after scaling its channels.
    pub fn scaled(&self, graph: &Graph, chain: &Chain, factors: &[f64]) -> Result<Edits> {
        let mut edits = Edits::default();
        let current = |edits: &Edits, value: ValueId| {
            edits.constants.get(&value).or(graph.value(value).constant.as_ref()).cloned()
        };
        for &index in &chain.producers {
            let layer = &self.layers[index];
            let weights = current(&edits, layer.weight);
            if let Some(weights) = weights {
                let by = layer.channels().map(|(output, _)| factors[output]);
                edits.constants.insert(layer.weight, times(&weights, by)?);
            }
            if let Some((bias, tensor)) = layer.bias.and_then(|b| Some((b, current(&edits, b)?))) {
                edits.constants.insert(bias, times(&tensor, factors.iter().copied())?);
            }
        }
        for &index in &chain.consumers {
            let layer = &self.layers[index];
            if let Some(weights) = current(&edits, layer.weight) {
                let by = layer.channels().map(|(_, input)| 1.0 / factors[input]);
                edits.constants.insert(layer.weight, times(&weights, by)?);
            }
        }
        Ok(edits)
    }
}

fn times(tensor: &Tensor, factors: impl Iterator<Item = f64>) -> Result<Tensor> {
    let elements = tensor.slice::<f32>().unwrap_or_default().iter().zip(factors);
    Tensor::new(tensor.shape(), elements.map(|(&v, f)| (f64::from(v) * f) as f32).collect::<Vec<f32>>())
}

fn join(graph: &Graph, node: &Node, sets: &mut Sets) {
    let computed: Vec<ValueId> =
        node.inputs.iter().flatten().copied().filter(|v| graph.value(*v).constant.is_none()).collect();
    let outputs = node.outputs.iter().flatten().copied();
    let rest_is_constant = node.input(0).is_some_and(|first| computed == [first]);
    let keeps = match node.op.as_str() {
        _ if !node.domain.is_empty() => false,
        "Add" | "Sub" => computed.len() == node.inputs.len() && same_shapes(graph, &computed),
        "Clip" => rest_is_constant && upper_bound(graph, node).is_some(),
        "Flatten" | "Reshape" | "Squeeze" => rest_is_constant && keeps_channels(graph, node),
        "ReduceMean" => rest_is_constant && keeps_channels(graph, node),
        op => rest_is_constant && BY_CHANNEL.contains(&op),
    };
    let mut values = computed.into_iter().chain(outputs);
    if keeps {
        if let Some(first) = values.next() {
            values.for_each(|value| sets.union(first, value));
        }
    } else {
        values.for_each(|value| sets.fix(value));
    }
}

fn same_shapes(graph: &Graph, values: &[ValueId]) -> bool {
    values.windows(2).all(|pair| graph.shape(pair[0]) == graph.shape(pair[1]))
}

/// Returns `true` if the second axis holds the channels before and after, and no axis is added after it.
fn keeps_channels(graph: &Graph, node: &Node) -> bool {
    let shape = |value: Option<ValueId>| graph.shape(value?).map(<[usize]>::to_vec);
    let (Some(before), Some(after)) = (shape(node.input(0)), shape(node.output(0))) else { return false };
    let places = |shape: &[usize]| shape.iter().skip(2).product::<usize>();
    let is_reduction = node.op.starts_with("Reduce");
    before.get(..2) == after.get(..2)
        && (is_reduction || places(&before) == places(&after))
        && (!is_reduction || places(&before) > 1)
}

/// Returns the upper bound of a Clip with lower bound 0, the only one that commutes with factors.
fn upper_bound(graph: &Graph, node: &Node) -> Option<f64> {
    let scalar = |port: usize| graph.constant(node, port).and_then(|t| t.slice::<f32>()?.first().copied());
    let low = scalar(1).or(node.attributes.float("min"))?;
    let high = scalar(2).or(node.attributes.float("max"))?;
    (low == 0.0 && high > 0.0).then_some(f64::from(high))
}
