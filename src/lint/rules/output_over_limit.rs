//! E001

use crate::analysis::{Mask, Report, mask_of};
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Measure, Related, Trials, mask, place};

rule! {
    /// ## What it does
    /// Reports outputs of the model whose error exceeds `limits.output-nsr`, 10% by default.
    ///
    /// The error is the noise-to-signal power ratio of the output, `sum((q - f)^2) / sum(f^2)`, with the whole model
    /// quantized, mean over the first `analysis.samples` samples.
    ///
    /// ## Why is this bad?
    /// ESP-DL's documentation recommends keeping the outputs below 10%. Above it, results often differ from those of
    /// the float model. A classifier may tolerate more error, a detector of small objects less.
    ///
    /// ## Example
    /// ```text
    /// output `logits`: quantization error 25.6% NSR exceeds the limit of 10%
    /// ```
    ///
    /// ## What to do
    /// `espq optimize` finds the observer and the passes with the least error, at nearly no cost on the chip; the first fix is its
    /// result. Otherwise give the layers with the largest error 16 bits; the second fix is the smallest sufficient set of
    /// layers found by measuring. Sets that exceed `limits.flash`, `limits.ram` or `limits.latency` are not taken; if no other
    /// is sufficient, the help says what such a set needs. If only 16 bits for all layers help, check the ranges first: `espq report --statistics`
    /// shows outliers and saturation, and another `calibration.method` may be sufficient. An attention mask of -10000 or the
    /// lowest float leaves nothing of the scores that it is added to: write -32 in its place.
    E001, "output-over-limit", Error, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), config) = (facts.report(), &facts.project.config) else { return };
    let limit = config.output_limit();
    for output in &report.outputs {
        let Some(message) = output.excess(limit) else { continue };
        let mut finding = Finding::new(&RULE, place::of_model(facts.project), message);
        if facts.decoded_head().is_some() {
            finding.help = Some("end the network before decoding (D010): boxes and scores share one scale".to_string());
            findings.push(finding);
            continue;
        }
        // It costs no flash.
        finding.fixes.extend(facts.optimization.map(|optimization| optimization.fix(report)));
        match facts.trials {
            Some(Trials { outputs: Some(trial), .. }) => {
                finding.fixes.extend(Measure::SmallestSet.fix(facts.project, trial));
                let is_named = trial.layers.len() == 1;
                finding.related.extend(trial.layers.iter().map(|layer| Related {
                    message: format!("{layer} at int16 is part of the smallest sufficient set found"),
                    span: None,
                    layer: Some(layer.clone()),
                    is_named,
                }));
            }
            Some(Trials { refused: Some(trial), .. }) => finding.help = trial.refusal(),
            Some(Trials { searched: true, .. }) => {
                let help = "int16 for every layer with weights is not sufficient: try precision = \"int16\" for the model, or check the ranges with `espq report --statistics`";
                finding.help = Some(cheap_first(facts, report, help));
            }
            _ => {
                finding.help = Some(cheap_first(facts, report, "give the layers with the largest error 16 bits"));
                finding.pending = Some(Measure::SmallestSet);
            }
        }
        if let Some(mask) = mask_before(facts, &output.name) {
            finding.help = Some(mask::help(&mask));
        }
        findings.push(finding);
    }
}

/// Puts the observer and the passes, which take no flash, before help that takes some.
fn cheap_first(facts: &Facts, report: &Report, help: &str) -> String {
    let is_fixed = facts.project.config.model.quantization.is_some()
        || facts.model().is_some_and(|model| model.graph.has_scales());
    match facts.optimization {
        Some(_) => format!("apply the first fix, which needs no int16; if that is not sufficient: {help}"),
        None if report.settings.recipe.is_empty() && !is_fixed && facts.trials.is_none() => {
            format!("run `espq optimize`, which takes no flash; if that is not sufficient: {help}")
        }
        None => help.to_string(),
    }
}

/// Returns the first attention mask that the output depends on.
fn mask_before(facts: &Facts, output: &str) -> Option<Mask> {
    let graph = &facts.model()?.graph;
    let value = graph.outputs.iter().find(|id| graph.value(**id).name == output)?;
    let ancestors = graph.ancestors(*value);
    let mut before = graph.node_ids().filter(|id| ancestors[id.0]);
    before.find_map(|id| mask_of(graph, graph.node(id)))
}
