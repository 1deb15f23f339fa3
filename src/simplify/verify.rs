//! Conditions for every simplified graph, with an error if one is not met.

use super::batch;
use crate::graph::axes::MAX_ELEMENTS;
use crate::graph::edit::Links;
use crate::graph::{DataType, Graph, Node, NodeId, Tensor, ValueId};
use crate::{Error, Kind, Result};

/// Layers whose first axis is the batch.
const BATCHED: [&str; 9] = [
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Gemm",
    "BatchNormalization",
    "InstanceNormalization",
];

/// Layers for which an infinite weight is meaningless.
const WEIGHTED: [&str; 7] = ["Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "BatchNormalization"];

/// Checks a graph. Errors name the layer, with help on how to change the model. `assumes_batch`: the batch of 1 is not the
/// file's.
pub fn verify(graph: &Graph, assumes_batch: bool) -> Result<()> {
    inputs(graph)?;
    outputs(graph)?;
    for id in graph.node_ids() {
        let node = graph.node(id);
        batch(graph, id, assumes_batch)
            .and_then(|()| double(graph, node))
            .and_then(|()| weights(graph, node))
            .map_err(|e| e.in_layer(&node.name))?;
    }
    Ok(())
}

fn inputs(graph: &Graph) -> Result<()> {
    for input in &graph.inputs {
        let value = graph.value(*input);
        let shape = value.shape.as_deref().unwrap_or_default();
        let size = shape.iter().try_fold(1usize, |size, &d| size.checked_mul(d));
        if size.is_none_or(|size| size > MAX_ELEMENTS) {
            return Err(Error::new(format!(
                "input '{}' has shape {shape:?}, more than {MAX_ELEMENTS} elements",
                value.name
            ))
            .with_help(
                "no ESP32 has memory for such a tensor: export the model with the input size used on the chip",
            ));
        }
    }
    Ok(())
}

/// Refuses float64, in which no chip computes; only a Cast may read it.
fn double(graph: &Graph, node: &Node) -> Result<()> {
    let reads = |id: &&ValueId| graph.inputs.contains(id) && graph.value(**id).data_type == Some(DataType::F64);
    match node.inputs.iter().flatten().find(reads) {
        Some(input) if !node.is("Cast") => {
            let what = format!("its input '{}' is float64, which no chip computes", graph.value(*input).name);
            Err(Error::new(what).with_help("export the model in float32: `model.float()` in PyTorch"))
        }
        _ => Ok(()),
    }
}

fn outputs(graph: &Graph) -> Result<()> {
    let links = Links::of(graph);
    match graph.outputs.iter().find(|output| links.producers[output.0].is_none()) {
        None => Ok(()),
        Some(output) => {
            Err(Error::new(format!("output '{}' does not depend on the model's inputs", graph.value(*output).name))
                .with_help("no layer makes it: remove it from the model's outputs"))
        }
    }
}

/// Refuses a batch: ESP-DL runs one sample at a time.
fn batch(graph: &Graph, id: NodeId, assumes_batch: bool) -> Result<()> {
    let node = graph.node(id);
    let axis = match node.op.as_str() {
        op if BATCHED.contains(&op) => 0,
        "LSTM" | "GRU" | "RNN" => usize::from(node.attributes.int_or("layout", 0) == 0),
        _ => return Ok(()),
    };
    let batch = node.input(0).and_then(|id| graph.shape(id)?.get(axis).copied()).unwrap_or(1);
    if batch == 1 || !node.domain.is_empty() {
        return Ok(());
    }
    // A Transpose may have moved the batch axis of a recurrent layer's input.
    let shows = |shape: &[usize]| shape.iter().take(axis + 1).any(|&d| d == batch);
    let of_input = graph.inputs.iter().find(|id| graph.shape(**id).is_some_and(shows));
    let Some(input) = of_input.map(|id| graph.value(*id)) else {
        return batch::written(graph, id).filter(|_| assumes_batch).map_or(Ok(()), Err);
    };
    let help = match input.shape.as_deref() {
        Some([first, rest @ ..]) if *first == batch => {
            let shape = [&[1], rest].concat();
            format!("ESP-DL runs one sample at a time: set input-shape = {shape:?} in [model], or export with batch 1")
        }
        _ => "ESP-DL runs one sample at a time: export the model with batch 1".to_string(),
    };
    Err(Error::new(format!("batch {batch}, from input '{}'", input.name)).with_help(help).of_kind(Kind::Batch))
}

fn weights(graph: &Graph, node: &Node) -> Result<()> {
    for port in 0..node.inputs.len() {
        let (Some(id), Some(tensor)) = (node.input(port), graph.constant(node, port)) else { continue };
        let infinite = WEIGHTED.contains(&node.op.as_str());
        if let Some(bad) = first_bad(tensor, infinite) {
            return Err(Error::new(format!("constant '{}' holds {bad}", graph.value(id).name))
                .with_help("the weights are damaged or training diverged: export the model again"));
        }
    }
    Ok(())
}

/// Returns the first NaN, or with `infinite`, the first infinity.
fn first_bad(tensor: &Tensor, infinite: bool) -> Option<f64> {
    let bad = |v: &f64| v.is_nan() || infinite && v.is_infinite();
    match tensor {
        Tensor::F32(a) => a.iter().map(|&v| f64::from(v)).find(bad),
        Tensor::F64(a) => a.iter().copied().find(bad),
        _ => None,
    }
}
