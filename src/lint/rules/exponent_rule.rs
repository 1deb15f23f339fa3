//! D004

use crate::analysis::{Layer, Port};
use crate::chip::Family;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports layers whose output exponent is below the sum of its inputs' exponents, in any channel, on the S3, the S31
    /// and the P4.
    ///
    /// ## Why is this bad?
    /// A product has the sum of its factors' exponents, and ESP-DL shifts it right to the output's exponent. The vector
    /// code of these chips cannot shift left: the layer's output would mean nothing. esp-ppq logs this, and exports
    /// the model. The portable code of the other chips shifts both ways.
    ///
    /// ## Example
    /// ```text
    /// layer /head/Conv: output exponent -12 is below input -5 plus weight -6, in 3 of 64 channels
    /// ```
    ///
    /// ## What to do
    /// Give the layer 16 bits, which makes the inputs' exponents smaller, or widen the output's range: another
    /// `calibration.methods` for this layer, samples that reach further.
    D004, "exponent-rule", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(report) = facts.report() else { return };
    if facts.settings.is_none_or(|s| s.target.family() == Family::C) {
        return;
    }
    for layer in &report.layers {
        if let Some(what) = broken(layer) {
            let help = "the chip cannot shift left: give the layer int16, or widen the output's range";
            let span = place::of_layer(facts.project, &layer.name);
            let message = format!("layer {}: {what}", layer.name);
            findings.push(Finding::new(&RULE, span, message).with_help(help).about(&layer.name));
        }
    }
}

fn broken(layer: &Layer) -> Option<String> {
    if !matches!(layer.op.as_str(), "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "Mul") {
        return None;
    }
    let port = |ports: &[Option<Port>], index: usize| Some(ports.get(index)?.as_ref()?.exponents.clone());
    let input = *port(&layer.inputs, 0)?.first()?;
    let output = *port(&layer.outputs, 0)?.first()?;
    let factors = port(&layer.inputs, 1)?;
    let below = |factor: i32| output < input.saturating_add(factor);
    let worst = factors.iter().copied().max().filter(|&factor| below(factor))?;
    let count = factors.iter().filter(|&&factor| below(factor)).count();
    let channels =
        if factors.len() > 1 { format!(", in {count} of {} channels", factors.len()) } else { String::new() };
    let factor = if layer.op == "Mul" { "input" } else { "weight" };
    Some(format!("output exponent {output} is below input {input} plus {factor} {worst}{channels}"))
}
