//! Rules by operator: one family a file.

mod elementwise;
mod moves;
mod normalized;
mod products;
mod reductions;
mod windows;

use crate::Result;
use crate::graph::{Node, NodeId, ValueId};

use super::tape::{Slope, Tape};

/// Node to differentiate, with the gradient of its first output.
pub(super) struct At<'n> {
    pub node: &'n Node,
    /// Gradient of the first output, in the graph of gradients.
    pub gradient: ValueId,
    /// Gradients of all outputs; `None` for one on which nothing depends.
    pub gradients: Vec<Option<ValueId>>,
}

impl At<'_> {
    /// Returns the input at a port.
    pub fn input(&self, port: usize) -> Option<ValueId> {
        self.node.inputs.get(port).copied().flatten()
    }

    /// Returns the first output.
    pub fn output(&self) -> Option<ValueId> {
        self.node.outputs.first().copied().flatten()
    }
}

/// Gradients by input port; `None` if the operator is used in a way that has no rule.
pub(super) type Found = Result<Option<Vec<(usize, ValueId)>>>;

/// Adds the gradients of a node's inputs.
pub(super) fn differentiate(tape: &mut Tape, id: NodeId) -> Result<()> {
    let forward = tape.forward;
    let node = forward.node(id);
    let wanted: Vec<ValueId> = node.inputs.iter().flatten().copied().filter(|&value| tape.is_needed(value)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let slopes: Vec<Slope> =
        node.outputs.iter().map(|output| output.map_or(Slope::Zero, |value| tape.slope(value))).collect();
    if slopes.iter().all(|&slope| slope == Slope::Zero) {
        return Ok(());
    }
    let gradients = slopes.iter().map(|&slope| match slope {
        Slope::Known(gradient) => Some(gradient),
        Slope::Zero | Slope::Unknown => None,
    });
    let gradients: Vec<Option<ValueId>> = gradients.collect();
    let first = gradients.iter().flatten().next().copied();
    let found = match first {
        Some(first) if !slopes.contains(&Slope::Unknown) => {
            let gradient = gradients.first().copied().flatten().unwrap_or(first);
            rule(tape, &At { node, gradient, gradients })?
        }
        _ => None,
    };
    let found = found.unwrap_or_default();
    for (port, input) in node.inputs.iter().enumerate() {
        let Some(input) = input.filter(|&value| tape.is_needed(value)) else { continue };
        match found.iter().find(|(at, _)| *at == port) {
            Some(&(_, gradient)) => tape.add(input, gradient)?,
            None => tape.lose(input),
        }
    }
    Ok(())
}

fn rule(tape: &mut Tape, at: &At) -> Found {
    match at.node.op.as_str() {
        "Abs" | "Acos" | "Acosh" | "Asin" | "Asinh" | "Atan" | "Atanh" | "Celu" | "Cos" | "Cosh" | "Elu" | "Erf"
        | "Gelu" | "HardSigmoid" | "HardSwish" | "LeakyRelu" | "Log" | "Mish" | "Neg" | "PRelu" | "Pow"
        | "Reciprocal" | "Selu" | "Sin" | "Sinh" | "Softplus" | "Softsign" | "Sqrt" | "Swish" | "Tan"
        | "ThresholdedRelu" => elementwise::by_difference(tape, at),
        "Relu" => elementwise::relu(tape, at),
        "Clip" => elementwise::clip(tape, at),
        "Sigmoid" | "Tanh" | "Exp" => elementwise::of_output(tape, at),
        "Add" | "Sub" | "Sum" | "Mean" => elementwise::sum(tape, at),
        "Mul" => elementwise::product(tape, at),
        "Div" => elementwise::quotient(tape, at),
        "Max" | "Min" => elementwise::extreme(tape, at),
        "Where" => elementwise::choice(tape, at),
        "Conv" => windows::conv(tape, at),
        "AveragePool" => windows::average_pool(tape, at),
        "MaxPool" => windows::max_pool(tape, at),
        "Gemm" => products::gemm(tape, at),
        "MatMul" => products::matmul(tape, at),
        "BatchNormalization" => normalized::batch(tape, at),
        "LayerNormalization" => normalized::layer(tape, at),
        "RMSNormalization" => normalized::rms(tape, at),
        "InstanceNormalization" => normalized::instance(tape, at),
        "Softmax" => normalized::softmax(tape, at),
        "LogSoftmax" => normalized::log_softmax(tape, at),
        "ReduceSum" | "ReduceMean" | "GlobalAveragePool" => reductions::sum(tape, at),
        "ReduceMax" | "ReduceMin" | "GlobalMaxPool" => reductions::extreme(tape, at),
        "ReduceL2" | "ReduceSumSquare" => reductions::squares(tape, at),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Dropout" => moves::same(tape, at),
        "Transpose" => moves::transpose(tape, at),
        "Concat" => moves::concat(tape, at),
        "Split" => moves::split(tape, at),
        "Resize" if at.node.attributes.text("mode").is_some_and(|mode| mode != "nearest") => {
            moves::interpolated(tape, at)
        }
        "DepthToSpace" | "Expand" | "Gather" | "GatherElements" | "GatherND" | "InsertZeros" | "Pad" | "Resize"
        | "ReverseSequence" | "Slice" | "SpaceToDepth" | "Tile" | "Trilu" => moves::scattered(tape, at),
        _ => Ok(None),
    }
}
