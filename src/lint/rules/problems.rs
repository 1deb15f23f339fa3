//! Problems of the configuration's reader as findings.

use crate::lint::{Facts, Finding, Fix, FixKind, Rule, Safety};
use crate::project::ProblemKind;

/// Converts the reader's problems of one kind.
pub fn of_kind(rule: &Rule, kind: ProblemKind, safety: Safety, facts: &Facts, findings: &mut Vec<Finding>) {
    for problem in facts.project.problems.iter().filter(|p| p.kind == kind) {
        let mut finding = Finding::new(rule, problem.span.clone(), problem.message.clone());
        finding.help = problem.help.clone();
        if let Some(meant) = &problem.suggestion {
            let title = format!("write {}", meant.text);
            let kind = if kind == ProblemKind::Syntax { FixKind::Syntax } else { FixKind::Spelling };
            finding.fixes.push(Fix { title, kind, safety, edits: vec![meant.clone()] });
        }
        findings.push(finding);
    }
}
