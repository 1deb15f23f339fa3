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

/// Node to differentiate.
pub(super) struct At<'n> {
    pub node: &'n Node,
    /// Gradient of the output, in the graph of gradients.
    pub gradient: ValueId,
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

/// Rule of an operator.
#[derive(Clone, Copy)]
enum Rule {
    /// Reads the gradient of the first output, if nothing depends on another one.
    First(fn(&mut Tape, &At) -> Found),
    /// Reads the gradients of all outputs; `None` for one on which nothing depends.
    All(fn(&mut Tape, &Node, &[Option<ValueId>]) -> Found),
}

/// Rules by operator.
#[rustfmt::skip]
const RULES: &[(&[&str], Rule)] = &[
    (
        &[
            "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Cos", "Cosh", "Elu", "Erf", "Gelu", "HardSigmoid",
            "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "PRelu", "Pow", "Reciprocal", "Selu", "Sin", "Sinh", "Softplus", "Softsign",
            "Sqrt", "Swish", "Tan", "ThresholdedRelu",
        ],
        Rule::First(elementwise::by_difference),
    ),
    (&["Relu"], Rule::First(elementwise::relu)),
    (&["Clip"], Rule::First(elementwise::clip)),
    (&["Sigmoid", "Tanh", "Exp"], Rule::First(elementwise::of_output)),
    (&["Add", "Sub", "Sum", "Mean"], Rule::First(elementwise::sum)),
    (&["Mul"], Rule::First(elementwise::product)),
    (&["Div"], Rule::First(elementwise::quotient)),
    (&["Max", "Min"], Rule::First(elementwise::extreme)),
    (&["Where"], Rule::First(elementwise::choice)),
    (&["Conv"], Rule::First(windows::conv)),
    (&["AveragePool"], Rule::First(windows::average_pool)),
    (&["MaxPool"], Rule::First(windows::max_pool)),
    (&["Gemm"], Rule::First(products::gemm)),
    (&["MatMul"], Rule::First(products::matmul)),
    (&["BatchNormalization"], Rule::First(normalized::batch)),
    (&["LayerNormalization"], Rule::First(normalized::layer)),
    (&["RMSNormalization"], Rule::First(normalized::rms)),
    (&["InstanceNormalization"], Rule::First(normalized::instance)),
    (&["Softmax"], Rule::First(normalized::softmax)),
    (&["LogSoftmax"], Rule::First(normalized::log_softmax)),
    (&["ReduceSum", "ReduceMean", "GlobalAveragePool"], Rule::First(reductions::sum)),
    (&["ReduceMax", "ReduceMin", "GlobalMaxPool"], Rule::First(reductions::extreme)),
    (&["ReduceL2", "ReduceSumSquare"], Rule::First(reductions::squares)),
    (&["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"], Rule::First(moves::same)),
    (&["Transpose"], Rule::First(moves::transpose)),
    (&["Concat"], Rule::First(moves::concat)),
    (&["Split"], Rule::All(moves::split)),
    (&["Resize"], Rule::First(moves::resize)),
    (
        &[
            "DepthToSpace", "Expand", "Gather", "GatherElements", "GatherND", "InsertZeros", "Pad", "ReverseSequence", "Slice",
            "SpaceToDepth", "Tile", "Trilu",
        ],
        Rule::First(moves::scattered),
    ),
];

/// Adds the gradients of a node's inputs.
pub(super) fn differentiate(tape: &mut Tape, id: NodeId) -> Result<()> {
    let node = tape.forward.node(id);
    if !node.inputs.iter().flatten().any(|&value| tape.is_needed(value)) {
        return Ok(());
    }
    let slope = |output: &Option<ValueId>| output.map_or(Slope::Zero, |value| tape.slope(value));
    let slopes: Vec<Slope> = node.outputs.iter().map(slope).collect();
    if slopes.iter().all(|&slope| slope == Slope::Zero) {
        return Ok(());
    }
    let found = gradients(tape, node, &slopes)?.unwrap_or_default();
    for (port, input) in node.inputs.iter().enumerate() {
        let Some(input) = input.filter(|&value| tape.is_needed(value)) else { continue };
        match found.iter().find(|(at, _)| *at == port) {
            Some(&(_, gradient)) => tape.add(input, gradient)?,
            None => tape.lose(input),
        }
    }
    Ok(())
}

fn gradients(tape: &mut Tape, node: &Node, slopes: &[Slope]) -> Found {
    let known = slopes.iter().map(|slope| match slope {
        Slope::Zero => Some(None),
        Slope::Known(gradient) => Some(Some(*gradient)),
        Slope::Unknown => None,
    });
    let Some(gradients) = known.collect::<Option<Vec<Option<ValueId>>>>() else { return Ok(None) };
    let rule = RULES.iter().find(|(operators, _)| operators.contains(&node.op.as_str()));
    match (rule.map(|(_, rule)| *rule), gradients.as_slice()) {
        (Some(Rule::All(rule)), gradients) => rule(tape, node, gradients),
        (Some(Rule::First(rule)), [Some(gradient), others @ ..]) if others.iter().all(Option::is_none) => {
            rule(tape, &At { node, gradient: *gradient })
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_of_an_operator_and_each_operator_has_one_at_most() {
        let mut operators: Vec<&str> = RULES.iter().flat_map(|(operators, _)| *operators).copied().collect();
        for operator in &operators {
            assert!(crate::ops::find(operator).is_some(), "{operator}");
        }
        operators.sort_unstable();
        assert!(operators.is_sorted_by(|a, b| a < b), "{operators:?}");
    }
}
