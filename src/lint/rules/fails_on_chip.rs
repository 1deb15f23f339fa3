//! D005

use crate::chip::Incompatibility;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Severity, place};

rule! {
    /// ## What it does
    /// Reports what `espq export` refuses once the scales are known. The finished file is checked in memory, and run over the
    /// samples in the chip's integer arithmetic. Each layer is compared with its simulation on the same inputs; a difference
    /// of up to two steps of its scale is rounding.
    ///
    /// ## Why is this bad?
    /// The file is not written. ESP-DL would refuse it, or crash at it, or compute something else than the simulation, so
    /// that the figures of the report do not hold.
    ///
    /// ## Example
    /// ```text
    /// layer /stem/Conv: the chip's `stem` differs from the simulation by up to 37 steps, in 0.4% of its elements
    /// ```
    ///
    /// ## What to do
    /// The help of each finding names what is supported. On the ESP32-S3, sums of more than 20 bits saturate: give such a
    /// layer int16.
    D005, "fails-on-chip", Error, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(Ok(on_chip)) = facts.on_chip else { return };
    for Incompatibility { node, what, help } in on_chip.reasons() {
        report(facts, findings, &node, &what, &help);
    }
}

fn report(facts: &Facts, findings: &mut Vec<Finding>, layer: &str, what: &str, help: &str) {
    // The rules of limits come first, and name the layer with a place of their own.
    let is_about = |f: &Finding| {
        f.layer.as_deref() == Some(layer) || f.related.iter().any(|related| related.layer.as_deref() == Some(layer))
    };
    if findings.iter().any(|finding| finding.severity == Severity::Error && is_about(finding)) {
        return;
    }
    let finding = match layer {
        "" => Finding::new(&RULE, place::of_model(facts.project), what.to_string()),
        layer => {
            Finding::new(&RULE, place::of_layer(facts.project, layer), format!("layer {layer}: {what}")).about(layer)
        }
    };
    findings.push(finding.with_help(help.to_string()));
}
