//! M001

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports a model that cannot be read, or that no chip can run at any precision: damaged files, cyclic graphs,
    /// weights that are NaN or infinite, shapes that depend on data, outputs without a producer.
    ///
    /// ## Why is this bad?
    /// The model cannot be quantized. Some of these models load in ONNX Runtime, but fail during or after quantization.
    ///
    /// ## Example
    /// ```text
    /// model.onnx: not an ONNX model, or a damaged one
    /// ```
    ///
    /// ## What to do
    /// Export the model again without the error that the message names. Large files in a git repository may be Git LFS
    /// pointers: `git lfs pull` fetches them.
    M001, "invalid-model", Error, Files
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
