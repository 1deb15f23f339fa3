//! Layers that take much of a network's time.

use crate::cost::{Cost, LayerCost};

use super::{Facts, Finding, Severity};

/// Share of the network's time from which on a layer is worth a finding.
pub const SHARE: f64 = 0.1;

/// Microseconds up to which a network without a limit is fast enough.
const FAST: f64 = 20_000.0;

/// Returns the cost of a network that is slow: that exceeds its limit on time, or 20 ms without one.
pub fn cost<'a>(facts: &Facts<'a>) -> Option<&'a Cost> {
    let cost = facts.cost?;
    let estimate = cost.time.as_ref()?.total.estimate;
    (estimate > limit(facts).unwrap_or(FAST)).then_some(cost)
}

/// Returns the limit in microseconds.
fn limit(facts: &Facts) -> Option<f64> {
    facts.project.config.limits.latency.as_ref().map(|limit| 1000.0 * limit.value.0)
}

/// Returns layers with their share of the time, if it is larger than `least`.
pub fn layers(cost: &Cost, least: f64) -> impl Iterator<Item = (&LayerCost, f64)> {
    let all = cost.layer_microseconds().max(1e-9);
    let share = move |layer: &LayerCost| layer.time.map_or(0.0, |time| time.estimate / all);
    cost.layers.iter().map(move |layer| (layer, share(layer))).filter(move |(_, share)| *share > least)
}

/// Lowers a finding to information, unless there is a limit on time, which the network exceeds.
pub fn graded(facts: &Facts, mut finding: Finding) -> Finding {
    if limit(facts).is_none() {
        finding.severity = Severity::Info;
    }
    finding
}
