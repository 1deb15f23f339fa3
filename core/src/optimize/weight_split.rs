//! Pass `weight-split`: esp-ppq's own. Each weight of a layer above a threshold is halved between the layer and a copy of it,
//! whose outputs an Add joins: the range of both is smaller. It costs the flash and the time of the copy.
//!
//! esp-ppq: `HorizontalLayerSplitPass` in `optim/morph.py`, with its method `balance`.

use crate::graph::{Attributes, Graph, Node, NodeId, Tensor};
use crate::quant::WeightSplit;
use crate::{Error, Result};

use super::pairs::named;

/// Operators with weights to split.
const SPLIT: [&str; 4] = ["Gemm", "MatMul", "Conv", "ConvTranspose"];

/// Splits the layers that the options name. Returns the names of the new layers.
pub fn weight_split(graph: &mut Graph, options: &WeightSplit) -> Result<Vec<String>> {
    let mut made = Vec::new();
    for name in &options.interested_layers {
        let id = named(graph, name)?;
        let Some((rest, half)) = halves(graph, id, options.value_threshold.get()).map_err(|e| e.in_layer(name))? else {
            continue;
        };
        made.extend(split(graph, id, rest, half)?);
    }
    Ok(made)
}

/// Returns the weights that stay and those that the copy gets; `None` if none exceeds the threshold.
fn halves(graph: &Graph, id: NodeId, threshold: f32) -> Result<Option<(Tensor, Tensor)>> {
    let node = graph.node(id);
    let weights = graph.constant(node, 1).filter(|_| node.domain.is_empty() && SPLIT.contains(&node.op.as_str()));
    let Some((weights, elements)) = weights.and_then(|weights| Some((weights, weights.slice::<f32>()?))) else {
        return Err(Error::new("it has no constant weights to split")
            .with_help("name layers of Conv, ConvTranspose, Gemm or MatMul in `interested-layers`"));
    };
    if !elements.iter().any(|w| w.abs() > threshold) {
        return Ok(None);
    }
    // esp-ppq multiplies by 0, which keeps the sign.
    let of = |&w: &f32| if w.abs() > threshold { w / 2.0 } else { 0.0f32.copysign(w) };
    let half: Vec<f32> = elements.iter().map(of).collect();
    let rest = elements.iter().zip(&half).map(|(w, half)| w - half).collect();
    Ok(Some((Tensor::new(weights.shape(), rest)?, Tensor::new(weights.shape(), half)?)))
}

fn split(graph: &mut Graph, id: NodeId, rest: Tensor, half: Tensor) -> Result<[String; 2]> {
    let node = graph.node(id).clone();
    let (Some(weights), Some(output)) = (node.input(1), node.output(0)) else {
        return Err(Error::new("it has no output"));
    };
    let weights_name = graph.value(weights).name.clone();
    let part = |graph: &mut Graph| {
        let name = graph.value(output).name.clone();
        let part = graph.fresh(&name);
        (graph.values[part.0].data_type, graph.values[part.0].shape) =
            (graph.value(output).data_type, graph.value(output).shape.clone());
        part
    };
    let (one, other) = (part(graph), part(graph));
    let rest = graph.fresh_constant(&weights_name, rest);
    let half = graph.fresh_constant(&weights_name, half);
    // In esp-ppq's order of insertion, in which the new layers are the last.
    let order = graph.insertion_order();
    graph.nodes = order.iter().map(|&id| graph.node(id).clone()).collect();
    graph.insertion = Vec::new();
    let names = [free_name(graph, 0), free_name(graph, 1)];
    if let Some(first) = graph.nodes.iter_mut().find(|other| other.name == node.name) {
        first.inputs[1] = Some(rest);
        first.outputs[0] = Some(one);
    }
    let inputs = vec![node.input(0), Some(half)];
    graph.nodes.push(Node { name: names[0].clone(), inputs, outputs: vec![Some(other)], ..node });
    graph.nodes.push(Node {
        name: names[1].clone(),
        op: "Add".to_string(),
        domain: String::new(),
        attributes: Attributes::default(),
        inputs: vec![Some(one), Some(other)],
        outputs: vec![Some(output)],
    });
    sort(graph)?;
    Ok(names)
}

/// Returns esp-ppq's name of a new layer, the `skip`th that is free.
fn free_name(graph: &Graph, skip: usize) -> String {
    let name = |count: usize| format!("PPQ_Operation_{count}");
    let is_free = |name: &String| graph.nodes.iter().all(|node| node.name != *name);
    (0..).map(name).filter(is_free).nth(skip).unwrap_or_default()
}

/// Sorts nodes in the order of insertion, which is kept.
fn sort(graph: &mut Graph) -> Result<()> {
    let order = graph.topological_order()?;
    let mut places = vec![NodeId(0); order.len()];
    order.iter().enumerate().for_each(|(place, old)| places[old.0] = NodeId(place));
    graph.nodes = order.iter().map(|&id| graph.node(id).clone()).collect();
    graph.insertion = places;
    Ok(())
}
