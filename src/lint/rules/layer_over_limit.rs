//! E002

use crate::analysis::is_over;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports layers whose layerwise error is over `limits.layer-nsr`, 1% by default.
    ///
    /// The layerwise error is the noise-to-signal power ratio at the model's outputs with this layer alone quantized.
    ///
    /// ## Why is this bad?
    /// ESP-DL's documentation advises to look at every layer above 1%: a few such layers make most of what the whole
    /// network loses.
    ///
    /// ## Example
    /// ```text
    /// layer /features/features.1/conv/conv.0/conv.0.0/Conv alone costs the outputs 7.1%, over the limit of 1%
    /// ```
    ///
    /// ## What to do
    /// Give the layer, and the Relu or Clip behind it, 16 bits. The fix says what that buys and what it costs:
    /// ```toml
    /// [precision]
    /// "/features/features.1/conv/conv.0/conv.0.0/Conv" = "int16"
    /// ```
    E002, "layer-over-limit", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), config) = (facts.report(), &facts.project.config) else { return };
    let limit = config.layer_limit();
    let mut over: Vec<_> =
        report.layers.iter().filter_map(|l| Some((l, l.layerwise.filter(|e| is_over(e.nsr, limit))?))).collect();
    over.sort_by(|a, b| b.1.nsr.total_cmp(&a.1.nsr));
    let all = facts.trials.and_then(|t| t.all.as_ref()).filter(|trial| trial.helps());
    let all = all.map(|trial| (trial, over.iter().filter(|(l, _)| trial.layers.contains(&l.name)).count()));
    for (layer, error) in over {
        let message = match error.nsr.is_finite() {
            true => format!(
                "layer {} alone costs the outputs {}, over the limit of {}",
                layer.name,
                percent(error.nsr),
                percent(limit)
            ),
            false => format!("with layer {} quantized, the outputs are not finite", layer.name),
        };
        let span = place::of_layer(facts.project, &layer.name);
        let mut finding = Finding::new(&RULE, span, message).about(&layer.name);
        let trials = facts.trials.map_or(&[][..], |t| &t.layers);
        let trial = trials.iter().find(|(name, _)| *name == layer.name).map(|(_, trial)| trial);
        match trial {
            Some(trial) if !trial.helps() => finding.help = Some(format!("int16 would not help: {}", trial.effect())),
            _ => {
                let own = trial.and_then(|t| t.fix(facts.project, format!("int16: {}", t.effect())));
                let all = all.filter(|(trial, _)| trial.layers.contains(&layer.name)).and_then(|(trial, count)| {
                    let title = format!("int16 for all {count} layers over the limit: {}", trial.effect());
                    trial.fix(facts.project, title)
                });
                finding.fixes.extend(own.into_iter().chain(all));
            }
        }
        findings.push(finding);
    }
}
