//! E003

use crate::Kind;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Severity, place};
use crate::project::Project;

rule! {
    /// ## What it does
    /// Reports that a model with samples could not be calibrated or measured, and why.
    ///
    /// ## Why is this bad?
    /// No error is known, so the model may exceed its limits.
    ///
    /// ## Example
    /// ```text
    /// layer /MatMul: its weights are computed while the model runs
    /// ```
    ///
    /// ## What to do
    /// Follow the help of the message.
    E003, "not-measured", Error, Figures
}

/// Information that a project is not measured, though nothing is wrong with it.
pub fn unmeasured(project: &Project, why: &str) -> Finding {
    let finding = Finding::new(&RULE, place::of_model(project), format!("not measured: {why}"));
    Finding { severity: Severity::Info, ..finding }
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(error) = facts.report.and_then(Result::err).filter(|e| e.kind() != Kind::NotFinite) else { return };
    let mut finding =
        Finding::new(&RULE, place::of_error(facts.project, error, "model.precision"), place::sentence(error));
    finding.help = error.help().map(str::to_string);
    finding.layer = error.layer().map(str::to_string);
    findings.push(finding);
}
