//! E005

use crate::analysis::{Clipping, Layer, LayerPort, is_over};
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Measure, place};
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports inputs of Add, Sub and Concat that lose more than `limits.layer-nsr`, 1% by default, because the scale that
    /// they share with the output does not reach their values.
    ///
    /// The loss is the noise-to-signal power ratio of the input if it is cut at the ends of the range, without rounding.
    ///
    /// ## Why is this bad?
    /// ESP-DL adds integers of one scale, and esp-ppq takes that of the output. If large values nearly cancel, the output is
    /// small, and its scale cuts the inputs off: their difference is lost. int16 alone does not help, since the range stays.
    ///
    /// ## Example
    /// ```text
    /// `/diff/Sub` reads `left` at the scale of its output: values reach 96.2, the range ends at 0.99, which loses 94.1%
    /// ```
    ///
    /// ## What to do
    /// Give these layers the scale of their widest input, and 16 bits if the output is small beside it:
    /// ```toml
    /// [optimize]
    /// widen = true
    ///
    /// [precision]
    /// "/diff/Sub" = "int16"
    /// ```
    E005, "cut-input", Warning, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(report) = facts.report() else { return };
    let trial = facts.trials.map(|trials| trials.widened.as_ref());
    for layer in &report.layers {
        let limit = facts.project.config.limit_of(&layer.name);
        let worst = layer.inputs.iter().flatten().filter_map(|port| Some((port, port.clipping?)));
        let worst = worst.filter(|(_, cut)| is_over(cut.nsr, limit)).max_by(|a, b| a.1.nsr.total_cmp(&b.1.nsr));
        let Some((port, cut)) = worst else { continue };
        let span = place::of_layer(facts.project, &layer.name);
        let mut finding = Finding::new(&RULE, span, message(layer, port, cut)).about(&layer.name).with_help(HELP);
        match trial {
            Some(Some(trial)) => finding.fixes.extend(Measure::Widen.fix(facts.project, trial)),
            Some(None) => {}
            None => finding.pending = Some(Measure::Widen),
        }
        findings.push(finding);
    }
}

const HELP: &str = "ESP-DL adds integers of one scale. `widen = true` in [optimize] takes that of the widest input; give the \
                    layer and those before it int16, too, if the output is small beside its inputs";

fn message(layer: &Layer, LayerPort { name, port, .. }: &LayerPort, clipping: Clipping) -> String {
    format!(
        "{} reads {name} at the scale of its output: values reach {:.3}, the range ends at {:.3}, which loses {}",
        layer.name,
        clipping.largest,
        port.range().1,
        percent(clipping.nsr)
    )
}
