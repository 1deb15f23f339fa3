//! Operators that espq cannot compute: all of a model at once, each with what to do.

use crate::graph::{Graph, Node};
use crate::ops;
use crate::{Error, Kind, Result};

/// Refuses a graph with operators that espq does not know; the error has every such layer.
pub fn check(graph: &Graph) -> Result<()> {
    let refused = |id| Some(refusal(graph.node(id))?.in_layer(graph.title(id)));
    Error::of_all(graph.node_ids().filter_map(refused).collect()).map_or(Ok(()), Err)
}

/// Returns the error of a node whose operator espq does not know.
pub fn refusal(node: &Node) -> Option<Error> {
    let (what, help) = reason(node)?;
    Some(Error::new(what).with_help(help).of_kind(Kind::Operator))
}

/// Says why an operator is refused, and what to do.
fn reason(node: &Node) -> Option<(String, &'static str)> {
    let op = node.op.as_str();
    if let Some(reason) = converted(node) {
        return Some(reason);
    }
    if computes_in_integers(op) {
        let help = "use the float model that it was made from, and espq determines the scales for ESP-DL; or export it \
                    with QuantizeLinear and DequantizeLinear of power-of-two scales, which espq keeps";
        return Some((format!("operator {op}: the model is already quantized"), help));
    }
    if !node.domain.is_empty() {
        let what = format!("operator {op} of domain '{}' is not an ONNX operator", node.domain);
        return Some((what, "export the model with standard operators only: ESP-DL supports no others"));
    }
    ops::find(op).is_none().then(|| (format!("operator {op} is not supported"), instead(op)))
}

/// Returns `true` for operators of models that compute in the integers of another runtime.
fn computes_in_integers(op: &str) -> bool {
    const OTHERS: [&str; 5] =
        ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"];
    OTHERS.contains(&op) || op.starts_with("QLinear")
}

/// Operators that tf2onnx leaves where it cannot convert one.
fn converted(node: &Node) -> Option<(String, &'static str)> {
    let op = node.op.as_str();
    let from = match op {
        _ if op.starts_with("TFL_") => "TensorFlow Lite",
        "Erfc" | "FlexErf" | "FlexErfc" => "TensorFlow",
        _ => return None,
    };
    let what = format!("operator {op} is one of {from} that tf2onnx left as it was");
    Some((what, "give the .tflite file itself, which espq reads; or replace the layer before the model is converted"))
}

/// Words on what to do about an operator that espq does not know.
fn instead(op: &str) -> &'static str {
    match op {
        "Loop" | "Scan" => {
            "ESP-DL has no loops. A recurrent layer of Keras becomes one unless it is built with unroll=True; \
             PyTorch's LSTM and GRU are exported as one layer each, which ESP-DL has"
        }
        "If" => "ESP-DL has no branches: export the model with the one branch that the chip needs",
        "Attention" => "export with opset_version=18, which writes it as MatMul, Softmax and MatMul",
        "RotaryEmbedding" => "export with opset_version=18, which writes it as Mul, Slice, Neg and Concat",
        "TensorScatter" => "give the cache as an input, and join it with the new steps by Slice and Concat",
        "Einsum" => {
            "write it as MatMul of two values with the contracted axis last in the first and next to last in the \
             second, and Transposes around it"
        }
        _ => "replace the layer by operators that ESP-DL runs, or cut the model before it",
    }
}
