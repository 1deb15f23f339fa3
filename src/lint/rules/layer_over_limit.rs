//! E002

use crate::analysis::{Layer, is_over};
use crate::chip::Scheme;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Measure, candidates, place};
use crate::order;
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports layers whose layerwise error exceeds `limits.layer-nsr`, 1% by default.
    ///
    /// The layerwise error is the noise-to-signal power ratio at the model's outputs with only this layer quantized.
    ///
    /// ## Why is this bad?
    /// ESP-DL's documentation recommends checking every layer above 1%: a few such layers cause most of the network's
    /// error.
    ///
    /// ## Example
    /// ```text
    /// quantizing layer /features/features.1/conv/conv.0/conv.0.0/Conv alone puts 7.1% error on the outputs, over the limit of 1%
    /// ```
    ///
    /// ## What to do
    /// Give the layer, and the Relu or Clip after it, 16 bits. The fix shows the lower error and the additional flash; there is none
    /// if the layer then still exceeds its limit:
    /// ```toml
    /// [precision]
    /// "/features/features.1/conv/conv.0/conv.0.0/Conv" = "int16"
    /// ```
    /// Where the error is known and accepted, give the layer a limit of its own:
    /// ```toml
    /// [limits.layers]
    /// "/features/features.1/conv/conv.0/conv.0.0/Conv" = "8%"
    /// ```
    E002, "layer-over-limit", Warning, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), config) = (facts.report(), &facts.project.config) else { return };
    let is_over = |name: &str, nsr: f64| is_over(nsr, config.limit_of(name));
    let mut over: Vec<_> =
        report.layers.iter().filter_map(|l| Some((l, l.layerwise.filter(|e| is_over(&l.name, e.nsr))?))).collect();
    order::sort_by(&mut over, |a, b| b.1.nsr.total_cmp(&a.1.nsr));
    let is_fixable = |name: &&str| over.iter().any(|(layer, _)| layer.name == *name);
    let fixable = candidates(report).into_iter().map(|(name, _)| name).filter(is_fixable);
    let fixable: Vec<String> = fixable.map(str::to_string).collect();
    let together = facts.trials.and_then(|trials| trials.all.as_ref());
    let all = together.and_then(|trial| Measure::LayersOverLimit { names: fixable.clone() }.fix(facts.project, trial));
    for (layer, error) in over {
        let span = place::of_layer(facts.project, &layer.name);
        let mut finding =
            Finding::new(&RULE, span, message(layer, error.nsr, config.limit_of(&layer.name))).about(&layer.name);
        let measure = Measure::Layer { name: layer.name.clone(), scheme: Scheme::Int16 };
        let trial = facts.trials.and_then(|trials| trials.of(&layer.name));
        match trial {
            Some(Some(trial)) => match trial.refusal() {
                Some(refusal) => finding.help = Some(refusal),
                None => finding.fixes.extend(measure.fix(facts.project, trial)),
            },
            Some(None) => {}
            None if fixable.contains(&layer.name) => finding.pending = Some(measure),
            None => {}
        }
        let is_in_all = together.is_some_and(|trial| trial.layers.contains(&layer.name));
        if is_in_all && finding.help.is_none() {
            finding.fixes.extend(all.clone());
        }
        findings.push(finding);
    }
}

fn message(layer: &Layer, nsr: f64, limit: f64) -> String {
    match nsr.is_finite() {
        true => {
            format!(
                "quantizing layer {} alone puts {} error on the outputs, over the limit of {}",
                layer.name,
                percent(nsr),
                percent(limit)
            )
        }
        false => format!("with layer {} quantized, the outputs are not finite", layer.name),
    }
}
