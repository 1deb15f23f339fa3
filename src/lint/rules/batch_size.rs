//! M003

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports a model with a batch size above 1.
    ///
    /// ## Why is this bad?
    /// ESP-DL runs one sample per inference. Its kernels assume a batch of 1, and misinterpret the other samples.
    ///
    /// ## Example
    /// ```python
    /// torch.onnx.export(model, torch.zeros(8, 3, 96, 96), "model.onnx")
    /// ```
    ///
    /// ## What to do
    /// Export with batch 1: `torch.zeros(1, 3, 96, 96)`; or set `input-shape` in `[model]` to the shape with a batch of 1. A
    /// Reshape with another batch written in it has to keep the batch instead: `x.flatten(1)`.
    M003, "batch-size", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    if let Some(error) = facts.model.and_then(Result::err).filter(|e| e.kind() == Kind::Batch) {
        let mut finding = Finding::new(&RULE, place::of_key(facts.project, "model.path"), place::sentence(error));
        finding.help = error.help().map(str::to_string);
        finding.layer = error.layer().map(str::to_string);
        findings.push(finding);
    }
}
