//! C012

use std::collections::BTreeMap;

use crate::chip::Scheme;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Related, place};
use crate::quant::{Overridden, overridden};
use crate::text::units::and_more;

rule! {
    /// ## What it does
    /// Reports layers whose precision in the configuration is not the one that the model was trained with. A model with
    /// QuantizeLinear and DequantizeLinear has the scales of its training, and they have a width.
    ///
    /// ## Why is this bad?
    /// A scale of another width does not hold: calibration determines one from samples, which the weights were not trained
    /// with. The accuracy of the training is lost in this layer.
    ///
    /// ## Example
    /// ```toml
    /// [model]
    /// path = "trained-at-int8.onnx"
    ///
    /// [precision]
    /// "/stem/Conv" = "int16"
    /// ```
    ///
    /// ## What to do
    /// Remove the line: without it, a layer has the precision of its trained scales. Or train the layer with the precision that
    /// it should have.
    C012, "untrained-precision", Warning, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(plan) = facts.plan() else { return };
    // Layers that one line sets share a finding.
    let mut found: BTreeMap<(usize, usize, Scheme, Scheme), Vec<String>> = BTreeMap::new();
    for Overridden { layer, trained, chosen } in overridden(&plan.graph, &plan.settings) {
        let span = place::of_layer(facts.project, &layer);
        found.entry((span.start, span.end, trained, chosen)).or_default().push(layer);
    }
    for ((start, end, trained, chosen), layers) in found {
        let message =
            format!("layer {}: trained with {trained} scales, which do not hold at {chosen}", and_more(&layers, 1));
        let related = layers.iter().skip(1).map(|layer| Related {
            message: format!("layer {layer}, too"),
            span: None,
            layer: Some(layer.clone()),
            is_named: false,
        });
        let mut finding = Finding::new(&RULE, start..end, message)
            .with_help("remove the line to keep the trained scales; calibration determines others now")
            .about(&layers[0]);
        finding.related = related.collect();
        findings.push(finding);
    }
}
