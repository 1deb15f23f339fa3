//! P003

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Severity, place};
use crate::order;

rule! {
    /// ## What it does
    /// Reports a network whose estimated time for one run exceeds `limits.latency`. If only the upper bound of the estimate
    /// exceeds it, the finding is a warning.
    ///
    /// The estimate is made of each layer's instructions and of the bytes that it waits for. Of networks whose times
    /// Espressif has published, all are within 15% of it. `[board]` has the settings; without it, they are those of ESP-DL's
    /// examples.
    ///
    /// ## Why is this bad?
    /// The program is slower than it may be.
    ///
    /// ## Example
    /// ```text
    /// one run takes an estimated 47.1 ms (41.0 to 54.2), over the limit of 30 ms
    /// ```
    ///
    /// ## What to do
    /// `espq report --cost` lists the layers by their time. The rules P004 to P007 name what makes layers slow.
    P003, "latency-over-limit", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(cost), Some(limit)) = (facts.cost, &facts.project.config.limits.latency) else { return };
    let (limit, span) = (limit.value.0, place::of_key(facts.project, "limits.latency"));
    let Some(time) = &cost.time else {
        let reason = cost.untimed.clone().unwrap_or_default();
        let mut finding = Finding::new(&RULE, span, format!("the limit on time cannot be checked: {reason}"));
        finding.severity = Severity::Warning;
        findings.push(finding.with_help("measure on the board, or remove `latency` from [limits]"));
        return;
    };
    if time.total.high <= 1000.0 * limit {
        return;
    }
    let is_over = time.total.estimate > 1000.0 * limit;
    let words = if is_over { "over" } else { "which may exceed" };
    let message = format!("one run takes an estimated {}, {words} the limit of {limit} ms", time.total.milliseconds());
    let mut slowest: Vec<_> = cost.layers.iter().filter_map(|layer| Some((layer, layer.time?.estimate))).collect();
    order::sort_by(&mut slowest, |a, b| b.1.total_cmp(&a.1));
    let named: Vec<String> = slowest
        .iter()
        .take(3)
        .map(|(layer, time)| format!("{} {:.0}%", layer.name, 100.0 * time / cost.layer_microseconds().max(1e-9)))
        .collect();
    let help = format!("at {}; the slowest layers: {}", time.conditions, named.join(", "));
    let mut finding = Finding::new(&RULE, span, message).with_help(help);
    if !is_over {
        finding.severity = Severity::Warning;
    }
    findings.push(finding);
}
