//! Differences of two reports: what became better and worse, by output and by layer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Layer, OutputError, Report};
use crate::order;

/// Parts of a report that are compared, also as `espq report --format json` writes them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Figures {
    /// Path of the model.
    pub model: String,
    /// Layers in the graph's order.
    pub layers: Vec<Layer>,
    /// Outputs of the model.
    pub outputs: Vec<OutputError>,
}

impl From<&Report> for Figures {
    fn from(report: &Report) -> Figures {
        let Report { model, layers, outputs, .. } = report;
        Figures { model: model.clone(), layers: layers.clone(), outputs: outputs.clone() }
    }
}

/// Differences of two reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// Outputs that either report has, in the order of the second.
    pub outputs: Vec<OutputChange>,
    /// Layers with other figures, the largest change of the cumulative error first.
    pub layers: Vec<LayerChange>,
    /// Layers that only the second report has.
    pub added: Vec<String>,
    /// Layers that only the first report has.
    pub removed: Vec<String>,
}

/// Error of one output in both reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputChange {
    /// Name of the output.
    pub name: String,
    /// Noise-to-signal power ratio in the first report; `None` if it does not have the output.
    pub before: Option<f64>,
    /// Noise-to-signal power ratio in the second report.
    pub after: Option<f64>,
    /// Larger of both standard errors over samples.
    pub standard_error: f64,
    /// Verdict on the difference.
    pub verdict: Verdict,
}

/// Verdict on a difference of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Less error, by more than the standard error.
    Better,
    /// More error, by more than the standard error.
    Worse,
    /// A difference within the standard error.
    Within,
    /// Equal figures.
    Same,
    /// Only one of the reports has the output.
    Other,
}

/// Figures of one layer in both reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerChange {
    /// Name of the layer.
    pub name: String,
    /// Figures in the first report.
    pub before: LayerFigures,
    /// Figures in the second report.
    pub after: LayerFigures,
}

/// Figures of a layer that are compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerFigures {
    /// Precision.
    pub scheme: crate::chip::Scheme,
    /// Cumulative error.
    pub graphwise: Option<f64>,
    /// Error at the outputs with this layer alone quantized.
    pub layerwise: Option<f64>,
    /// Exponents of the first output; empty in float.
    pub exponents: Vec<i64>,
}

impl LayerFigures {
    fn of(layer: &Layer) -> LayerFigures {
        let output = layer.outputs.first().and_then(Option::as_ref);
        LayerFigures {
            scheme: layer.scheme,
            graphwise: layer.graphwise.map(|error| error.nsr),
            layerwise: layer.layerwise.map(|error| error.nsr),
            exponents: output.map(|port| port.port.exponents.clone()).unwrap_or_default(),
        }
    }
}

impl LayerChange {
    /// Returns the change of the cumulative error, else that of the error alone.
    pub fn difference(&self) -> f64 {
        let of = |figures: &LayerFigures| figures.graphwise.or(figures.layerwise).unwrap_or(0.0);
        of(&self.after) - of(&self.before)
    }
}

/// Compares two reports; layers and outputs are matched by name.
pub fn changes(before: &Figures, after: &Figures) -> Changes {
    let old: BTreeMap<&str, &Layer> = before.layers.iter().map(|layer| (layer.name.as_str(), layer)).collect();
    let new: BTreeMap<&str, &Layer> = after.layers.iter().map(|layer| (layer.name.as_str(), layer)).collect();
    let both = after.layers.iter().filter_map(|layer| Some((old.get(layer.name.as_str())?, layer)));
    let mut layers: Vec<LayerChange> = both
        .map(|(old, new)| LayerChange {
            name: new.name.clone(),
            before: LayerFigures::of(old),
            after: LayerFigures::of(new),
        })
        .filter(|change| change.before != change.after)
        .collect();
    order::sort_by(&mut layers, |a, b| b.difference().abs().total_cmp(&a.difference().abs()));
    let only = |layers: &[Layer], other: &BTreeMap<&str, &Layer>| {
        let missing = layers.iter().filter(|layer| !other.contains_key(layer.name.as_str()));
        missing.map(|layer| layer.name.clone()).collect()
    };
    Changes {
        outputs: outputs(&before.outputs, &after.outputs),
        layers,
        added: only(&after.layers, &old),
        removed: only(&before.layers, &new),
    }
}

fn outputs(before: &[OutputError], after: &[OutputError]) -> Vec<OutputChange> {
    let find = |outputs: &'_ [OutputError], name: &str| outputs.iter().find(|output| output.name == name).cloned();
    let mut names: Vec<&str> = after.iter().map(|output| output.name.as_str()).collect();
    names.extend(before.iter().map(|output| output.name.as_str()).filter(|name| find(after, name).is_none()));
    let change = |name: &str| {
        let (old, new) = (find(before, name), find(after, name));
        let spread = |output: &Option<OutputError>| output.as_ref().map_or(0.0, |output| output.standard_error);
        let standard_error = spread(&old).max(spread(&new));
        let (before, after) = (old.map(|output| output.error.nsr), new.map(|output| output.error.nsr));
        let verdict = match (before, after) {
            (Some(before), Some(after)) => verdict(before, after, standard_error),
            _ => Verdict::Other,
        };
        OutputChange { name: name.to_string(), before, after, standard_error, verdict }
    };
    names.into_iter().map(change).collect()
}

fn verdict(before: f64, after: f64, standard_error: f64) -> Verdict {
    match after - before {
        _ if before == after => Verdict::Same,
        difference if difference > standard_error || after.is_nan() => Verdict::Worse,
        difference if difference < -standard_error || before.is_nan() => Verdict::Better,
        _ => Verdict::Within,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_beyond_the_standard_error() {
        assert_eq!(verdict(0.1, 0.1, 0.0), Verdict::Same);
        assert_eq!(verdict(0.1, 0.11, 0.02), Verdict::Within);
        assert_eq!([verdict(0.1, 0.2, 0.02), verdict(0.1, f64::NAN, 0.02)], [Verdict::Worse; 2]);
        assert_eq!([verdict(0.2, 0.1, 0.02), verdict(f64::NAN, 0.1, 0.02)], [Verdict::Better; 2]);
    }
}
