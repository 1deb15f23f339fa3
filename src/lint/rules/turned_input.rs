//! M005

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports a Transpose of a whole image at the model's input, as tf2onnx writes it for models in channels-last order.
    ///
    /// ## Why is this bad?
    /// ESP-DL keeps images channels-last itself, so the chip turns the input around twice: time and memory for nothing.
    ///
    /// ## Example
    /// ```text
    /// input `input_1` is turned around by layer Transpose__12 before its first use
    /// ```
    ///
    /// ## What to do
    /// Convert with `--inputs-as-nchw INPUT` (tf2onnx), and give espq samples in the order of the new input. Images are laid
    /// out by espq.
    M005, "turned-input", Warning, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    // The reader of another format turns inputs itself, whose samples stay as the file has them.
    let Some(model) = facts.model().filter(|model| !model.is_translated) else { return };
    let graph = &model.graph;
    let consumers = graph.consumers();
    for &input in &graph.inputs {
        let &[(id, _)] = consumers[input.0].as_slice() else { continue };
        let (value, node) = (graph.value(input), graph.node(id));
        let is_turn = node.op == "Transpose" && node.attributes.ints("perm") == Some(&[0, 3, 1, 2]);
        if !is_turn {
            continue;
        }
        let message = format!("input `{}` is turned around by layer {} before its first use", value.name, node.name);
        let help = format!(
            "convert with `--inputs-as-nchw {}`, as tf2onnx has it; the chip's order is channels-last anyway",
            value.name
        );
        let span = place::of_key(facts.project, "model.path");
        findings.push(Finding::new(&RULE, span, message).about(&node.name).with_help(help));
    }
}
