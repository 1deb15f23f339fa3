//! Findings that follow from another one at the same place, which are not shown: they go with it.

use crate::project::ProblemKind;
use crate::text::Span;

use super::{Facts, Finding};

/// Removes findings about a value that was misread: of one with a syntax error, only a part is known.
pub fn remove(facts: &Facts, findings: &mut Vec<Finding>) {
    let broken = facts.project.problems.iter().filter(|problem| problem.kind == ProblemKind::Syntax);
    let broken: Vec<&Span> = broken.map(|problem| &problem.span).collect();
    let own: Vec<(&Span, &str)> = facts.project.problems.iter().map(|p| (&p.span, p.message.as_str())).collect();
    findings.retain(|finding| {
        let is_problem = own.contains(&(&finding.span, finding.message.as_str()));
        is_problem || !broken.iter().any(|span| is_around(&finding.span, span))
    });
}

/// Returns `true` if a value contains the place of an error.
fn is_around(value: &Span, error: &Span) -> bool {
    !value.is_empty() && value.start <= error.start && error.end <= value.end
}
