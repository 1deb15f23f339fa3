//! P007

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place, slow};
use crate::text::units::{percent, size};

rule! {
    /// ## What it does
    /// Reports `param-copy = false` in `[board]`, if waiting for flash takes more than a tenth of the network's time.
    ///
    /// It looks at networks that exceed `limits.latency`; without that limit, at those over 20 ms, and only informs.
    ///
    /// ## Why is this bad?
    /// Flash is two to three times slower than PSRAM: large networks take twice the time.
    ///
    /// ## Example
    /// ```text
    /// parameters are read from flash, for which the network waits 64% of its time
    /// ```
    ///
    /// ## What to do
    /// Let `Model` copy parameters to PSRAM, if there is room: `param-copy = true`.
    P007, "parameters-in-flash", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(cost) = slow::cost(facts).filter(|cost| cost.board.reads_flash()) else { return };
    let waits = |layer: &crate::cost::LayerCost| layer.waits * layer.time.map_or(0.0, |time| time.estimate);
    let share = cost.layers.iter().map(waits).sum::<f64>() / cost.layer_microseconds().max(1e-9);
    if share <= slow::SHARE {
        return;
    }
    let message = format!("parameters are read from flash, for which the network waits {} of its time", percent(share));
    let bytes: usize = cost.layers.iter().map(|layer| layer.weight_bytes).sum();
    let help = format!("set param-copy = true if {} of PSRAM are free", size(bytes));
    let span = place::of_key(facts.project, "board.param-copy");
    findings.push(slow::graded(facts, Finding::new(&RULE, span, message).with_help(help)));
}
