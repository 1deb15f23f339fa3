//! What is wrong with a project, as data: findings with their places and their fixes.
//!
//! One rule a file in `rules`; [`RULES`] is the one table of codes. A rule looks at [`Facts`] that the
//! engine has gathered and never gathers any itself.
//! Never: files, terminals, protocols.

mod facts;
mod finding;
mod fix;
mod measure;
mod observers;
mod place;
mod rule;
mod rules;
mod trials;

pub use facts::{Facts, Known};
pub use finding::{Finding, Fix, FixKind, Related, Safety, Severity};
pub use fix::{Applied, apply};
pub use measure::Measure;
pub use observers::{ObserverAdvice, decisive_error};
pub use rule::{Rule, Selection, find};
pub use rules::RULES;
pub use trials::{Optimization, Trial, Trials, candidates};

/// Everything that the rules find in what is known, in the order of the text.
pub fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        (rule.check)(facts, &mut findings);
    }
    sort(&mut findings);
    findings
}

/// By place, then by code: what a person reads from the top.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.span.start, f.span.end);
        key(a).cmp(&key(b)).then_with(|| a.code.cmp(&b.code))
    });
}
