//! Joined nodes: the exporter puts a BatchNormalization behind a Conv into the weights, in the arithmetic of PyTorch, and
//! makes one Concat of nested ones.

use foldhash::{HashMap, HashMapExt};

use super::late;
use super::nodes::Step;
use crate::Result;
use crate::graph::stored::multiply;
use crate::graph::{DataType, Graph, Node, Tensor, ValueId};
use crate::model::unique::{Names, distinct};

/// Counts the readers of each value: nodes, and outputs of the model.
fn readers(graph: &Graph, steps: &[Step], outputs: &[ValueId]) -> Vec<usize> {
    let mut readers = vec![0usize; graph.values.len()];
    for step in steps {
        if let Step::Node { node, .. } = step {
            node.inputs.iter().flatten().for_each(|input| readers[input.0] += 1);
        }
    }
    outputs.iter().for_each(|output| readers[output.0] += 1);
    readers
}

/// Most inputs of a Concat that becomes a part of the next one, so that a long chain takes no time.
const WIDEST: usize = 4096;

/// Concat that the next one may take over.
struct Joined {
    at: usize,
    parts: Vec<Option<ValueId>>,
    axis: Option<i64>,
}

/// Makes one Concat of those along one axis that only the next one reads.
pub fn concats(graph: &Graph, steps: &mut Vec<Step>, outputs: &[ValueId]) {
    let readers = readers(graph, steps, outputs);
    let mut inner: HashMap<ValueId, Joined> = HashMap::default();
    let mut gone = vec![false; steps.len()];
    for (at, step) in steps.iter_mut().enumerate() {
        let Step::Node { node, .. } = step else { continue };
        let Some(output) = node.output(0).filter(|_| node.op == "Concat") else { continue };
        let axis = node.attributes.int("axis");
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            let known = input.and_then(|input| inner.get(&input).filter(|_| readers[input.0] == 1));
            match known.filter(|joined| joined.axis == axis && joined.parts.len() <= WIDEST) {
                Some(joined) => {
                    gone[joined.at] = true;
                    inputs.extend(&joined.parts);
                }
                None => inputs.push(*input),
            }
        }
        node.inputs = inputs;
        inner.insert(output, Joined { at, parts: node.inputs.clone(), axis });
    }
    let mut gone = gone.into_iter();
    steps.retain(|_| !gone.next().unwrap_or_default());
}

/// Puts each BatchNormalization that alone reads a Conv into its weights and biases.
pub fn batch_norms(
    graph: &mut Graph,
    steps: &mut Vec<Step>,
    outputs: &[ValueId],
    names: &mut Names,
    late: &mut late::All,
) -> Result<()> {
    let mut readers = readers(graph, steps, outputs);
    let mut makers: HashMap<ValueId, usize> = HashMap::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        if let Step::Node { node, .. } = step {
            makers.extend(node.outputs.iter().flatten().map(|&output| (output, at)));
        }
    }
    let mut gone = vec![false; steps.len()];
    for at in 0..steps.len() {
        let Step::Node { node: norm, .. } = &steps[at] else { continue };
        let Some(input) = norm.input(0).filter(|_| norm.op == "BatchNormalization") else { continue };
        let Some(&conv_at) = makers.get(&input).filter(|_| readers[input.0] == 1) else { continue };
        let (Step::Node { node: conv, .. }, Some(output)) = (&steps[conv_at], norm.output(0)) else { continue };
        if conv.op != "Conv" {
            continue;
        }
        let Some(factors) = Factors::of(graph, conv, norm, late)? else { continue };
        let (old_weight, old_bias) = (conv.input(1), conv.input(2));
        let Factors { scale, bias } = factors;
        let Some(weight) = scaled(graph, names, &readers, old_weight, scale, late) else { continue };
        let bias = match old_bias {
            Some(old) if readers.get(old.0) == Some(&1) => {
                graph.values[old.0].constant = Some(bias);
                old
            }
            _ => {
                let name = old_bias.map_or_else(
                    || format!("{}bias", graph.value(weight).name.trim_end_matches("weight")),
                    |old| graph.value(old).name.clone(),
                );
                graph.add_constant(distinct(names, &name), bias)
            }
        };
        readers.resize(graph.values.len(), 1);
        makers.insert(output, conv_at);
        gone[at] = true;
        if let Step::Node { node: conv, .. } = &mut steps[conv_at] {
            conv.inputs = vec![conv.input(0), Some(weight), Some(bias)];
            conv.outputs = vec![Some(output)];
        }
    }
    let mut gone = gone.into_iter();
    steps.retain(|_| !gone.next().unwrap_or_default());
    Ok(())
}

/// Factors of a convolution's weights by channel, and its new biases.
struct Factors {
    scale: Vec<f32>,
    bias: Tensor,
}

impl Factors {
    /// Computes in float32, in the order of PyTorch's exporter.
    fn of(graph: &Graph, conv: &Node, norm: &Node, late: &late::All) -> Result<Option<Factors>> {
        let floats = |node: &Node, port: usize| match node.input(port) {
            Some(value) => late::floats(graph, late, value),
            None => Ok(None),
        };
        let Some(weight) = conv.input(1).map(|weight| graph.value(weight)) else { return Ok(None) };
        let Some(&channels) = weight.shape.as_ref().and_then(|shape| shape.first()) else { return Ok(None) };
        let none = vec![0.0; channels];
        let bias = match conv.input(2) {
            Some(_) => floats(conv, 2)?,
            None => Some(&*none),
        };
        let (Some(scale), Some(shift), Some(mean), Some(variance), Some(bias)) =
            (floats(norm, 1)?, floats(norm, 2)?, floats(norm, 3)?, floats(norm, 4)?, bias)
        else {
            return Ok(None);
        };
        let is_whole = [scale.len(), shift.len(), mean.len(), variance.len(), bias.len()] == [channels; 5];
        if channels == 0 || !is_whole || weight.data_type != Some(DataType::F32) {
            return Ok(None);
        }
        let epsilon = norm.attributes.float_or("epsilon", 1e-5);
        let scale = self::scale(scale, variance, epsilon);
        let moved = bias.iter().zip(mean.iter()).zip(scale.iter().zip(shift.iter()));
        let bias = moved.map(|((bias, mean), (scale, shift))| (bias - mean) * scale + shift).collect();
        Ok(Some(Factors { scale, bias: Tensor::new(&[channels], bias)? }))
    }
}

/// Returns the factors of the channels.
pub fn scale(scale: &[f32], variance: &[f32], epsilon: f32) -> Vec<f32> {
    scale.iter().zip(variance).map(|(scale, variance)| scale / (variance + epsilon).sqrt()).collect()
}

/// Multiplies weights by the factors of their channels: in their place, unless another node reads them, too.
fn scaled(
    graph: &mut Graph,
    names: &mut Names,
    readers: &[usize],
    weight: Option<ValueId>,
    factors: Vec<f32>,
    late: &mut late::All,
) -> Option<ValueId> {
    let weight = weight?;
    if let Some(late) = late.get_mut(&weight) {
        late.factors.push(factors);
        return Some(weight);
    }
    let is_own = readers.get(weight.0) == Some(&1);
    let constant = &mut graph.values[weight.0].constant;
    let tensor = if is_own { constant.take()? } else { constant.clone()? };
    let shape = tensor.shape().to_vec();
    let mut elements = tensor.into_vec::<f32>()?;
    let size = elements.len().div_ceil(factors.len().max(1)).max(1);
    multiply(&mut elements, size, &factors);
    let tensor = Tensor::new(&shape, elements).ok()?;
    if is_own {
        graph.values[weight.0].constant = Some(tensor);
        return Some(weight);
    }
    let name = graph.value(weight).name.clone();
    Some(graph.add_constant(distinct(names, &name), tensor))
}
