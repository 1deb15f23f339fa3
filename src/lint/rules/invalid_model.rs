//! M001

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports a model that cannot be read, or that no chip could run whatever its precision: damaged files,
    /// cyclic graphs, weights that are not numbers, shapes that depend on data, outputs that nothing makes.
    ///
    /// ## Why is this bad?
    /// Nothing can be quantized. Some of these models load in ONNX Runtime, and fail on the chip or after it.
    ///
    /// ## Example
    /// ```text
    /// model.onnx: not an ONNX model, or a damaged one
    /// ```
    ///
    /// ## What to do
    /// Export the model again; the message says what was in the way. Large files in git may be pointers of Git LFS:
    /// `git lfs pull` fetches them.
    M001, "invalid-model", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let errors = [facts.model.and_then(Result::err), facts.plan.and_then(Result::err)];
    for error in errors.into_iter().flatten() {
        let elsewhere = matches!(error.kind(), Kind::Missing | Kind::Dynamic | Kind::Batch | Kind::Operator);
        if !elsewhere {
            let mut finding =
                Finding::new(&RULE, place::of_error(facts.project, error, "model.path"), place::sentence(error));
            finding.help = error.help().map(str::to_string);
            finding.layer = error.layer().map(str::to_string);
            findings.push(finding);
        }
    }
}
