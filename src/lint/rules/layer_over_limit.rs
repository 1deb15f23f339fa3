//! E002

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

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

/// What is no number is over every limit.
pub fn is_over(nsr: f64, limit: f64) -> bool {
    nsr > limit || nsr.is_nan()
}

/// "25.6%", with as many digits as tell something.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = match percent {
        p if p >= 9.95 => format!("{p:.1}"),
        p if p >= 0.995 => format!("{p:.2}"),
        p if p >= 0.0995 || p <= 0.0 || p.is_nan() => format!("{p:.3}"),
        // Two digits that count, however small it is.
        p => format!("{p:.*}", (1.0 - p.log10().floor()) as usize),
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}%")
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn as_many_digits_as_tell_something() {
        let shown: Vec<String> = [0.2563, 0.1, 0.0912, 0.01, 0.004, 0.00012, 0.000001, 0.0].map(percent).into();
        assert_eq!(shown, ["25.6%", "10%", "9.12%", "1%", "0.4%", "0.012%", "0.0001%", "0%"]);
    }
}
