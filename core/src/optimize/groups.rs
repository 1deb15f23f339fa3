//! Values that must be scaled together: a factor moves through layers that preserve factors, up to the weights before
//! and after them.

use std::collections::BTreeMap;

use crate::Result;
use crate::graph::{Graph, Node, NodeId, Tensor, ValueId};
use crate::quant::Edits;

use super::sets::Sets;
use super::weighted::Weighted;

/// Layers that pass a factor unchanged from the first input to every output.
const PROPORTIONAL: [&str; 28] = [
    "AveragePool",
    "DepthToSpace",
    "Dropout",
    "Expand",
    "Flatten",
    "Gather",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Identity",
    "InsertZeros",
    "LeakyRelu",
    "MaxPool",
    "Neg",
    "PRelu",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
];

/// Layers whose operands must have the same factor.
const COMBINING: [&str; 6] = ["Add", "Concat", "Max", "Min", "Sub", "Sum"];

/// Values with a common factor, and the layers at their borders.
#[derive(Debug, Default)]
pub struct Group {
    pub values: Vec<ValueId>,
    /// Indices of layers whose weights and bias take the factor.
    pub producers: Vec<usize>,
    /// Indices of layers whose weights take its inverse.
    pub consumers: Vec<usize>,
    /// Constants that take the factor: bounds of Clip, operands of Add.
    pub constants: Vec<(NodeId, usize)>,
}

/// Partition of a graph's values.
pub struct Groups {
    pub layers: Vec<Weighted>,
    /// Groups that can be scaled: those with weights on both sides.
    pub free: Vec<Group>,
}

impl Groups {
    pub fn of(graph: &Graph) -> Groups {
        let layers = Weighted::all(graph);
        let mut by_node: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        layers.iter().enumerate().for_each(|(index, layer)| by_node[layer.node.0] = Some(index));
        let mut sets = Sets::new(graph.values.len());
        graph.inputs.iter().chain(&graph.outputs).for_each(|v| sets.fix(*v));
        for id in graph.node_ids().filter(|id| by_node[id.0].is_none()) {
            join(graph, graph.node(id), &mut sets);
        }
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        for value in (0..graph.values.len()).map(ValueId).filter(|v| graph.value(*v).constant.is_none()) {
            groups.entry(sets.root(value)).or_default().values.push(value);
        }
        for (index, layer) in layers.iter().enumerate() {
            groups.entry(sets.root(layer.output)).or_default().producers.push(index);
            groups.entry(sets.root(layer.input)).or_default().consumers.push(index);
        }
        for id in graph.node_ids().filter(|id| by_node[id.0].is_none()) {
            let node = graph.node(id);
            let Some(output) = node.output(0) else { continue };
            let root = sets.root(output);
            groups.entry(root).or_default().constants.extend(scaled_constants(graph, node).map(|port| (id, port)));
        }
        let is_free = |(root, group): &(usize, Group)| {
            !sets.is_fixed(*root) && !group.producers.is_empty() && !group.consumers.is_empty()
        };
        let free = groups.into_iter().filter(is_free).map(|(_, group)| group).collect();
        Groups { layers, free }
    }

    /// Returns the constants after scaling each free group by its factor.
    pub fn scaled(&self, graph: &Graph, factors: &[f32]) -> Result<Edits> {
        let mut by_layer = vec![1.0f32; self.layers.len()];
        let mut bias = vec![1.0f32; self.layers.len()];
        let mut edits = Edits::default();
        for (group, &factor) in self.free.iter().zip(factors) {
            group.producers.iter().for_each(|&layer| (by_layer[layer] *= factor, bias[layer] *= factor).0);
            group.consumers.iter().for_each(|&layer| by_layer[layer] /= factor);
            for &(node, port) in &group.constants {
                if let Some(tensor) = graph.constant(graph.node(node), port) {
                    edits.own.insert((node, port), times(tensor, factor)?);
                }
            }
        }
        for (layer, (&weight, &bias)) in self.layers.iter().zip(by_layer.iter().zip(&bias)) {
            let scaled = [(Some(layer.weight), weight), (layer.bias, bias)];
            for (value, factor) in scaled {
                if let Some((value, tensor)) = value.and_then(|v| Some((v, graph.value(v).constant.as_ref()?)))
                    && factor != 1.0
                {
                    edits.constants.insert(value, times(tensor, factor)?);
                }
            }
        }
        Ok(edits)
    }
}

fn times(tensor: &Tensor, factor: f32) -> Result<Tensor> {
    let elements: Vec<f32> = tensor.slice::<f32>().unwrap_or_default().iter().map(|v| v * factor).collect();
    Tensor::new(tensor.shape(), elements)
}

/// Joins the values of a layer, or fixes them if it does not preserve factors.
fn join(graph: &Graph, node: &Node, sets: &mut Sets) {
    let computed = |port: usize| node.input(port).filter(|v| graph.value(*v).constant.is_none());
    let op = if node.domain.is_empty() { node.op.as_str() } else { "" };
    let is_proportional = match op {
        "Clip" => has_constant_bounds(graph, node),
        "Pad" => pads_with_zeros(graph, node),
        // Every operand but the first must be constant: sizes, axes, slopes.
        op => PROPORTIONAL.contains(&op) && (1..node.inputs.len()).all(|port| computed(port).is_none()),
    };
    let inputs: Vec<ValueId> = (0..node.inputs.len()).filter_map(computed).collect();
    let outputs = node.outputs.iter().flatten().copied();
    let is_combining =
        COMBINING.contains(&op) && scaled_constants(graph, node).count() + inputs.len() == node.inputs.len();
    if is_proportional || is_combining {
        let mut values = inputs.into_iter().chain(outputs);
        if let Some(first) = values.next() {
            values.for_each(|value| sets.union(first, value));
        }
    } else {
        inputs.into_iter().chain(outputs).for_each(|value| sets.fix(value));
    }
}

/// Returns input ports whose float constants take the factor of the layer's values.
fn scaled_constants<'a>(graph: &'a Graph, node: &'a Node) -> impl Iterator<Item = usize> + 'a {
    let takes = match node.op.as_str() {
        "Clip" => 1..node.inputs.len(),
        op if COMBINING.contains(&op) => 0..node.inputs.len(),
        _ => 0..0,
    };
    takes.filter(|&port| graph.constant(node, port).is_some_and(|t| t.slice::<f32>().is_some()))
}

/// Returns `false` for older operator sets, whose bounds are attributes, which a factor cannot change.
fn has_constant_bounds(graph: &Graph, node: &Node) -> bool {
    let is_attribute = ["min", "max"].iter().any(|name| node.attributes.float(name).is_some());
    let ports = (1..node.inputs.len()).filter(|&port| node.input(port).is_some());
    !is_attribute && ports.eq(scaled_constants(graph, node))
}

fn pads_with_zeros(graph: &Graph, node: &Node) -> bool {
    let is_constant_mode = node.attributes.text("mode").is_none_or(|mode| mode == "constant");
    let value = graph.constant(node, 2).and_then(|t| t.slice::<f32>().and_then(|s| s.first().copied()));
    let is_zero = value.or(node.attributes.float("value")).unwrap_or(0.0) == 0.0;
    !is_constant_mode || is_zero
}
