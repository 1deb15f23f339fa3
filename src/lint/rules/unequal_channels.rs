//! D006

use crate::chip::Scheme;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Related, place};
use crate::order;
use crate::text::units::and_more;

rule! {
    /// ## What it does
    /// Reports 8-bit layers whose output channels have weights of very different size, on targets with one weight scale per
    /// layer.
    ///
    /// ## Why is this bad?
    /// The scale fits the largest channel. A channel with weights less than a hundredth as large has one step left, or
    /// none: it is almost zero on the chip. The ESP32-P4 has a scale for each channel, so the figures of the same model are better there.
    ///
    /// ## Example
    /// ```text
    /// layer /stem/Conv: the largest weight of a channel is 0.8% of that of another, and all share one scale on esp32s3
    /// ```
    ///
    /// ## What to do
    /// `espq optimize` tries `equalize`, which moves factors between layers so that channels become alike, at no cost.
    D006, "unequal-channels", Warning, Files
}

/// Ratio of the largest weights of two channels, below which the smaller one has less than a step of 127.
const LEAST: f32 = 1.0 / 127.0;

/// Share below which a channel does nothing in float either.
const DEAD: f32 = 1e-5;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(plan) = facts.plan() else { return };
    let target = plan.settings.target;
    if target.per_channel() || facts.project.config.optimize.equalize() {
        return;
    }
    let mut found: Vec<(String, f32)> = Vec::new();
    for id in plan.graph.node_ids().filter(|id| plan.scheme(*id) == Scheme::Int8) {
        let node = plan.graph.node(id);
        let weights = node.inputs.get(1).copied().flatten().and_then(|value| plan.graph.value(value).constant.as_ref());
        if let (true, Some(weights)) =
            (node.op == "Conv", weights.and_then(|w| Some((w.slice::<f32>()?, *w.shape().first()?))))
        {
            found.extend(smallest(weights.0, weights.1).filter(|&ratio| ratio < LEAST).map(|r| (node.name.clone(), r)));
        }
    }
    order::sort_by(&mut found, |a, b| a.1.total_cmp(&b.1));
    let Some((_, ratio)) = found.first() else { return };
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!(
        "layer {}: the largest weight of a channel is {} of that of another, and all share one scale on {target}",
        and_more(&names, 1),
        crate::text::units::percent(f64::from(*ratio))
    );
    let mut finding = Finding::new(&RULE, place::of_model(facts.project), message).about(names[0]);
    let related = names.iter().skip(1).map(|name| Related {
        message: format!("layer {name}, too"),
        span: None,
        layer: Some(name.to_string()),
        is_named: false,
    });
    finding.related = related.collect();
    findings.push(finding.with_help("`espq optimize` tries to equalize channels, at no cost on the chip"));
}

/// Returns the largest weight of the smallest channel, as a share of the largest of all. Channels that training or
/// pruning has left without weights do not count.
fn smallest(weights: &[f32], channels: usize) -> Option<f32> {
    let size = weights.len().checked_div(channels).filter(|&size| size > 0)?;
    let largest = weights.chunks(size).map(|channel| channel.iter().fold(0.0f32, |most, w| most.max(w.abs())));
    let largest: Vec<f32> = largest.filter(|most| most.is_finite()).collect();
    let most = largest.iter().copied().fold(0.0, f32::max);
    // Far smaller ones are dead.
    let is_alive = |channel: &f32| *channel > most * DEAD;
    let least = largest.iter().copied().filter(is_alive).fold(f32::INFINITY, f32::min);
    (most > 0.0).then(|| least / most)
}
