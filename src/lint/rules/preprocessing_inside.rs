//! M004

use crate::graph::{Graph, Node, ValueId};
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports a model that prepares its own input: a subtraction, a division or a product with constants before the first
    /// layer.
    ///
    /// ## Why is this bad?
    /// The chip then reads pixels of 0 to 255 into 8 bits of a power of two, one bit of which is the sign: it keeps 7 bits of
    /// each. The operators before the first layer cost time for every pixel, and round a second time.
    ///
    /// ## Example
    /// ```python
    /// return self.net((x / 255 - mean) / std)
    /// ```
    ///
    /// ## What to do
    /// Export the network without it, and give espq samples that are prepared: by `mean` and `std` in `[calibration.image]`
    /// for images. `dl::image::ImagePreprocessor` does the same on the chip, with a table.
    M004, "preprocessing-inside", Warning, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(model) = facts.model() else { return };
    for &input in &model.graph.inputs {
        let nodes = chain(&model.graph, input);
        let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { continue };
        let name = &model.graph.value(input).name;
        let span = match first.name == last.name {
            true => first.name.clone(),
            false => format!("{} to {}", first.name, last.name),
        };
        let message = format!("input `{name}` is prepared inside of the model, by {span}");
        let help = "export the model without it, and prepare samples and the chip's input instead";
        findings.push(Finding::new(&RULE, place::of_key(facts.project, "model.path"), message).with_help(help));
    }
}

/// Returns the nodes from an input on that are its only readers and combine it with constants, at least one of which
/// scales or shifts it.
fn chain(graph: &Graph, input: ValueId) -> Vec<&Node> {
    let consumers = graph.consumers();
    let (mut at, mut nodes) = (input, Vec::new());
    while let &[(id, _)] = consumers[at.0].as_slice() {
        let node = graph.node(id);
        let others = node.inputs.iter().flatten().filter(|value| **value != at);
        let mut others = others.map(|value| graph.value(*value).constant.is_some()).peekable();
        let is_simple = matches!(node.op.as_str(), "Sub" | "Div" | "Mul" | "Add" | "BatchNormalization");
        let (true, true, Some(Some(output))) =
            (is_simple, others.peek().is_some() && others.all(|c| c), node.outputs.first())
        else {
            break;
        };
        nodes.push(node);
        at = *output;
    }
    // A network that only adds a constant, such as a position, prepares nothing.
    let is_prepared = nodes.iter().any(|node| matches!(node.op.as_str(), "Sub" | "Div" | "Mul" | "BatchNormalization"));
    if is_prepared && !consumers[at.0].is_empty() { nodes } else { Vec::new() }
}
