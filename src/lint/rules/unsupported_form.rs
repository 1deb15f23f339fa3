//! D003

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::runtime::limits::{self, GraphNode, Violation};

rule! {
    /// ## What it does
    /// Reports layers whose operator ESP-DL supports, but not in this form, if no other form is equal: dilated pooling, an
    /// LSTM or GRU that runs backwards only, a Gather whose indices are computed, tensors of more dimensions than its
    /// kernels support.
    ///
    /// ## Why is this bad?
    /// Some of these stop the chip while it loads the model. Others run and give wrong results: pooling ignores dilations.
    ///
    /// ## Example
    /// ```python
    /// torch.nn.MaxPool2d(3, dilation=2)
    /// ```
    ///
    /// ## What to do
    /// Rewrite the layer before exporting the model; the help names a form that ESP-DL supports.
    D003, "unsupported-form", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(model) = facts.model() else { return };
    // A plan appends outputs to the model's graph, but no nodes.
    let plan = facts.plan();
    let graph = plan.map_or(&model.graph, |plan| &plan.graph);
    let family = plan.map(|plan| plan.settings.target.family());
    let runtime = facts.project.config.export.esp_dl();
    let view = |id| {
        let scheme = plan.map(|plan| plan.quant_type(id).scheme());
        GraphNode { scheme, family, runtime, ..GraphNode::of(graph, id) }
    };
    for Violation { node, what, limit, depends_on_precision } in limits::of_graph(graph, view) {
        let name = &graph.node(node).name;
        let span = match depends_on_precision {
            true => place::of_layer(facts.project, name),
            false => place::of_key(facts.project, "model.path"),
        };
        let message = format!("layer {name}: {what}");
        findings.push(Finding::new(&RULE, span, message).with_help(limit.help).about(name));
    }
}
