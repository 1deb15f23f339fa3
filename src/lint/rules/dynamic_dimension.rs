//! M002

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports inputs of the model with a dimension that is not a number, if neither the samples nor `input-shape` give it
    /// one. A symbolic batch dimension is fixed to 1.
    ///
    /// ## Why is this bad?
    /// ESP-DL plans all memory before the first inference: every shape must be known at export.
    ///
    /// ## Example
    /// ```python
    /// torch.onnx.export(model, x, "model.onnx", dynamic_axes={"input": {2: "height", 3: "width"}})
    /// ```
    ///
    /// ## What to do
    /// Configure samples, whose shape is used; or set `input-shape` in `[model]`; or export with the size used on the chip,
    /// without `dynamic_axes` or `dynamic_shapes`.
    M002, "dynamic-dimension", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    if let Some(error) = facts.model.and_then(Result::err).filter(|e| e.kind() == Kind::Dynamic) {
        let mut finding =
            Finding::new(&RULE, place::of_error(facts.project, error, "model.path"), place::sentence(error));
        finding.help = error.help().map(str::to_string);
        findings.push(finding);
    }
}
