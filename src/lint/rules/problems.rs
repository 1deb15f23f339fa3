//! What the configuration's reader reports, as findings.

use crate::lint::{Facts, Finding, Fix, Rule, Safety};
use crate::project::ProblemKind;

/// The reader's problems of one kind.
pub fn of_kind(rule: &Rule, kind: ProblemKind, safety: Safety, facts: &Facts, findings: &mut Vec<Finding>) {
    for problem in facts.project.problems.iter().filter(|p| p.kind == kind) {
        let mut finding = Finding::new(rule, problem.span.clone(), problem.message.clone());
        finding.help = problem.help.clone();
        if let Some(meant) = &problem.suggestion {
            let title = format!("write {}", meant.text);
            finding.fixes.push(Fix { title, safety, edits: vec![meant.clone()] });
        }
        findings.push(finding);
    }
}
