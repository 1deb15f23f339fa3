//! E008

use crate::analysis::Saturation;
use crate::chip::Method;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::{number, percent};

rule! {
    /// ## What it does
    /// Reports inputs of the model and layers whose error comes from saturation: values beyond the range of the integers, cut off in the
    /// float network without any rounding, already make at least half of the layer's cumulative error, or an error of the input over
    /// the limit. It is checked where an output is over its limit, for the layers with the largest errors.
    ///
    /// ## Why is this bad?
    /// The observer has chosen a range that leaves out values that matter. `kl` and `percentile` cut off rare large values on purpose;
    /// where these carry the signal, as in detectors and in networks on spectra, the layer loses it.
    ///
    /// ## Example
    /// ```text
    /// input `spectrum` saturates: its range ends at 0.992, its values reach 40, and what is cut off makes an error of 94.2%
    /// ```
    ///
    /// ## What to do
    /// Give the layer the observer that keeps the whole range, or 16 bits:
    /// ```toml
    /// [calibration.methods]
    /// "/features/Conv_3" = "minmax"
    /// ```
    E008, "saturated-layer", Info, Figures
}

/// Share of the error from which saturation is its cause, and the least error that is worth it.
const MOST: f64 = 0.5;
const LEAST: f64 = 0.05;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), config) = (facts.report(), &facts.project.config) else { return };
    let limit = config.output_limit().max(LEAST);
    for found in &report.saturation {
        let Saturation { layer, input, end, clipping } = found;
        let error = report.layers.iter().find(|one| one.name == *layer).and_then(|layer| layer.graphwise);
        let is_cause = match (input, error) {
            (Some(_), _) => clipping.nsr > limit,
            (None, Some(error)) => clipping.nsr >= MOST * error.nsr && error.nsr > limit,
            (None, None) => false,
        };
        if !is_cause || report.settings.method_of(layer) == Method::MinMax {
            continue;
        }
        let (end, largest, loss) = (number(*end, 3), number(clipping.largest, 3), percent(clipping.nsr));
        let ranges = format!("its range ends at {end}, its values reach {largest}, and what is cut off makes");
        let message = match (input, error) {
            (Some(input), _) => format!("input `{input}` saturates: {ranges} an error of {loss}"),
            (None, error) => {
                let all = percent(error.map_or(f64::NAN, |error| error.nsr));
                format!("layer {layer} saturates: {ranges} {loss} of its error of {all}")
            }
        };
        let help = format!(
            "take the whole range: \"{layer}\" = \"minmax\" in [calibration.methods]; or give the layer 16 bits"
        );
        let span = place::of_layer(facts.project, layer);
        findings.push(Finding::new(&RULE, span, message).about(layer).with_help(help));
    }
}
