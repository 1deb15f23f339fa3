//! Issues of a project as plain data: findings with their places and fixes.
//!
//! Each rule has one file in `rules`; [`RULES`] is the table of codes. A rule checks [`Facts`] that the engine has
//! gathered, and gathers none itself.
//! Never: files, terminals, protocols.

mod baseline;
mod boxes;
mod consequences;
mod ends_trials;
mod exported;
mod facts;
mod finding;
mod first_samples;
mod fix;
mod ignores;
mod joints;
mod mask;
mod measure;
mod observers;
pub mod place;
mod rule;
mod rules;
mod slow;
mod titles;
mod trials;

pub use baseline::{Baseline, Known as KnownIssues};
pub use boxes::{changed_boxes, found_boxes};
pub use ends_trials::{EndsTrial, EndsTrials, WideJoint};
pub use exported::ExportedFile;
pub use facts::{Facts, Known};
pub use finding::{Finding, Fix, FixKind, Related, Safety, Severity};
pub use first_samples::mark_first_samples;
pub use fix::{Applied, apply, own_line};
pub use ignores::ignoring;
pub use joints::lossy_joints;
pub use measure::{Measure, Outcome};
pub use observers::{ObserverAdvice, decisive_error};
pub use rule::{Needs, Rule, Selection, find};
pub use rules::{RULES, unmeasured};
pub use trials::{Optimization, Trial, Trials, candidates};

use crate::order;
use crate::simplify::LayerNames;

/// Returns all findings of the rules on the given facts, in the order of the text.
pub fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        (rule.check)(facts, &mut findings);
    }
    consequences::remove(facts, &mut findings);
    titles::share(&mut findings);
    ignores::apply(facts, &mut findings);
    if let Some(model) = facts.model() {
        findings.iter_mut().for_each(|finding| name_module(finding, &model.names));
    }
    sort(&mut findings);
    findings
}

/// Adds the module of the source model to a finding about a layer whose name is a number.
fn name_module(finding: &mut Finding, names: &LayerNames) {
    let Some(layer) = &finding.layer else { return };
    let Some(module) = names.module(layer) else { return };
    let words = format!("{layer} is in module {module} of the source model");
    finding.help = Some(match finding.help.take() {
        Some(help) => format!("{help}; {words}"),
        None => words,
    });
}

/// Sorts by place, then by code.
pub fn sort(findings: &mut [Finding]) {
    order::sort_by(findings, |a, b| {
        let key = |f: &Finding| (f.span.start, f.span.end);
        key(a).cmp(&key(b)).then_with(|| a.code.cmp(&b.code))
    });
}
