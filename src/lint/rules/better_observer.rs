//! E004

use crate::analysis::is_over;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, ObserverAdvice, Safety, Severity, place};
use crate::project::edit;

rule! {
    /// ## What it does
    /// Reports that another observer of activations has less error than the one that is set, by more than the standard
    /// error of the difference over the samples of analysis.
    ///
    /// All four observers are measured with everything else as it is. The error is that of the outputs; before a Softmax or
    /// Sigmoid at their end, where there is one. Errors below 0.1%, `method = "auto"` and projects with passes in
    /// `[optimize]` are left out. Within the limit of the outputs it is a hint, which lets a hook pass.
    ///
    /// ## Why is this bad?
    /// An observer decides which large values are cut off for finer steps. No observer suits every network: `kl` cuts rare
    /// large values even where they carry the answer. Another one costs neither flash nor time on the chip.
    ///
    /// ## Example
    /// ```text
    /// another observer is better: output error 10.3% with kl, 0.17% with minmax
    /// ```
    ///
    /// ## What to do
    /// Set it, or let espq choose by measuring:
    /// ```toml
    /// [calibration]
    /// method = "auto"
    /// ```
    E004, "better-observer", Warning, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), Some(observers)) = (facts.report(), facts.observers) else { return };
    let project = facts.project;
    if project.config.chooses_observer() {
        return;
    }
    let Some(advice) = ObserverAdvice::of(report, observers) else { return };
    let message = format!("another observer is better: {}", advice.figures());
    let mut finding = Finding::new(&RULE, place::of_observer(project), message)
        .with_help("it cuts other large values off; method = \"auto\" measures all observers and takes the best");
    let limit = project.config.output_limit();
    if !report.outputs.iter().any(|output| is_over(output.error.nsr, limit)) {
        finding.severity = Severity::Info;
    }
    let method = format!("\"{}\"", advice.better);
    let edit = edit::set_keys(&project.text, &[("calibration", "method", method)]);
    finding.fixes.extend(edit.map(|edit| Fix {
        title: advice.title(),
        kind: FixKind::Settings,
        safety: Safety::Unsafe,
        edits: vec![edit],
    }));
    findings.push(finding);
}
