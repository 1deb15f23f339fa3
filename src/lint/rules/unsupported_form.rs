//! D003

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::runtime::limits;

rule! {
    /// ## What it does
    /// Reports layers whose operator ESP-DL has, but not in this form: grouped convolutions that are not depthwise,
    /// dilated pooling, an LSTM or GRU that runs backwards only, a Gather whose indices are computed, tensors of more
    /// dimensions than its kernels know.
    ///
    /// ## Why is this bad?
    /// Some of these stop the chip when it loads the model. Others run, and give wrong numbers: a grouped convolution is
    /// taken for a depthwise one.
    ///
    /// ## Example
    /// ```python
    /// torch.nn.Conv2d(32, 64, 3, groups=4)
    /// ```
    ///
    /// ## What to do
    /// Rewrite the layer before the model is exported; the message names the form that ESP-DL has.
    D003, "unsupported-form", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(model) = facts.model() else { return };
    for (id, what, limit) in limits::violations(&model.graph) {
        let name = &model.graph.node(id).name;
        let message = format!("layer {name}: {what}");
        let span = place::of_layer(facts.project, name);
        findings.push(Finding::new(&RULE, span, message).with_help(limit.help).about(name));
    }
}
