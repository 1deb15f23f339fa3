//! P008

use crate::analysis::{Layer, is_over};
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Related, Severity, place};
use crate::order;
use crate::text::units::{count, percent, size};

rule! {
    /// ## What it does
    /// Reports a file of which more than a twentieth is exponents by channel that the limits on error do not need: with one
    /// exponent for all channels, the layers would keep theirs.
    ///
    /// The ESP32-P4 and the ESP32-S31 have one exponent for each output channel of a Conv, ConvTranspose and Gemm, and one for
    /// its bias: 16 bytes a channel. With one exponent, all channels take the coarsest steps. The error of the layer alone, as
    /// measured or estimated, is multiplied by the power that the rounding of its weights gains by that. The factor follows from
    /// the exponents: an estimate that takes all channels to matter equally. A layer counts if the product is at most its limit
    /// (`limits.layer-nsr`, `[limits.layers]`); all such layers together may exceed that of the outputs.
    ///
    /// It looks at files that exceed `limits.flash`; without that limit, at those over 1 MB, and only informs.
    ///
    /// ## Why is this bad?
    /// In layers with few weights a channel, such as depthwise ones, exponents take more flash than weights.
    ///
    /// ## Example
    /// ```text
    /// exponents by channel that the limits do not need take 62.1 KiB of flash (13% of the file), in 41 layers
    /// ```
    ///
    /// ## What to do
    /// No setting writes one exponent: esp-ppq and espq give every such layer of these chips exponents by channel. Channels can
    /// be fewer: those whose weights are nearly zero (`espq report --format html` shows them) are pruned with their 16 bytes.
    /// The layers that this finding names first give most. If the limit on flash is what matters, `espq optimize --flash SIZE`
    /// takes int16 weights back first.
    P008, "exponents-by-channel", Warning, Figures
}

/// Share of the file from which on exponents are worth a finding.
const SHARE: f64 = 0.05;

/// Bytes up to which a file without a limit is small enough.
const SMALL: usize = 1 << 20;

/// Bytes of an exponent.
const EXPONENT: usize = 8;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), Some(cost), config) = (facts.report(), facts.cost, &facts.project.config) else { return };
    let (file, limit) = (cost.flash.file_bytes, config.limits.flash.as_ref().map(|limit| limit.value.0));
    if file <= limit.unwrap_or(SMALL) {
        return;
    }
    let is_idle = |layer: &&Layer| {
        let alone = layer.alone().map(|alone| alone.nsr * coarser(layer));
        alone.is_some_and(|nsr| !is_over(nsr, config.limit_of(&layer.name)))
    };
    let idle = report.layers.iter().filter(is_idle).map(|layer| (layer, bytes(layer)));
    let mut idle: Vec<(&Layer, usize)> = idle.filter(|(_, bytes)| *bytes > 0).collect();
    order::sort_by_key(&mut idle, |(_, bytes)| std::cmp::Reverse(*bytes));
    let all: usize = idle.iter().map(|(_, bytes)| bytes).sum();
    let share = all as f64 / file as f64;
    if share <= SHARE {
        return;
    }
    let (taken, layers) = (size(all), count(idle.len(), "layer"));
    let message = format!(
        "exponents by channel that the limits do not need take {taken} of flash ({} of the file), in {layers}",
        percent(share)
    );
    let mut finding = Finding::new(&RULE, place::of_key(facts.project, "limits.flash"), message).with_help(
        "no setting writes one exponent for a layer on this chip; prune channels that do nothing, each with its weights and \
         16 bytes",
    );
    if limit.is_none() {
        finding.severity = Severity::Info;
    }
    finding.related = idle.iter().take(NAMED).map(|(layer, bytes)| related(layer, *bytes)).collect();
    findings.push(finding);
}

/// Layers that a finding names.
const NAMED: usize = 3;

fn related(layer: &Layer, bytes: usize) -> Related {
    let message = format!("layer {}: {} of exponents", layer.name, size(bytes));
    Related { message, span: None, layer: Some(layer.name.clone()), is_named: false }
}

/// Exponents of the weights, if they are by channel.
fn exponents(layer: &Layer) -> &[i64] {
    let weights = layer.inputs.get(1).and_then(Option::as_ref);
    weights.map_or(&[][..], |weights| &weights.port.exponents)
}

/// Bytes that one exponent for all channels would save: of weights, and of a bias.
fn bytes(layer: &Layer) -> usize {
    let constants = layer.inputs.iter().flatten().skip(1).map(|port| port.port.exponents.len());
    constants.map(|exponents| EXPONENT * exponents.saturating_sub(1)).sum()
}

/// Factor by which the power of the weights' rounding grows if all channels take the coarsest steps; channels have equally
/// many weights.
fn coarser(layer: &Layer) -> f64 {
    let power = |exponent: i64| 4f64.powf(exponent as f64);
    let exponents = exponents(layer);
    let mean = exponents.iter().map(|&exponent| power(exponent)).sum::<f64>() / exponents.len().max(1) as f64;
    exponents.iter().max().map_or(1.0, |&most| power(most) / mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::LayerPort;
    use crate::chip::Scheme;
    use crate::quant::Port;

    fn layer(exponents: &[i64]) -> Layer {
        let port = |exponents: &[i64]| {
            let port = Port { bits: 8, exponents: exponents.to_vec() };
            Some(LayerPort { name: String::new(), port, clipping: None })
        };
        Layer {
            name: "/a".to_string(),
            module: None,
            op: "Conv".to_string(),
            scheme: Scheme::Int8,
            graphwise: None,
            layerwise: None,
            estimate: None,
            inputs: vec![port(&[-4]), port(exponents), port(exponents)],
            outputs: Vec::new(),
            statistics: None,
        }
    }

    #[test]
    fn a_channel_takes_two_exponents() {
        assert_eq!(bytes(&layer(&[-7; 32])), 16 * 31);
        assert_eq!(bytes(&layer(&[-7])), 0);
    }

    #[test]
    fn equal_exponents_gain_nothing_and_one_large_channel_much() {
        assert_eq!(coarser(&layer(&[-7; 32])), 1.0);
        assert_eq!(coarser(&layer(&[-7, -8, -8, -8])), 1.0 / (1.75 / 4.0));
        assert_eq!(coarser(&layer(&[])), 1.0);
    }
}
