//! P005

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place, slow};
use crate::text::units::kilobytes;

rule! {
    /// ## What it does
    /// Reports convolutions whose channels fill no whole blocks of a vector register (16 channels at int8, 8 at int16), if
    /// more channels would save more than a twentieth of the network's time.
    ///
    /// It looks at networks that exceed `limits.latency`; without that limit, at those over 20 ms, and only informs.
    ///
    /// ## Why is this bad?
    /// The kernels compute 16 output channels at once, and each of the rest alone: 17 channels take nearly twice the time of
    /// 16.
    ///
    /// ## Example
    /// ```text
    /// layer /head/Conv: its 24 input and 20 output channels fill no blocks of 16; 32 and 32 would take 1.3 ms less
    /// ```
    ///
    /// ## What to do
    /// Train the network with channels that are multiples of 16. Channels of zeros do, too.
    P005, "unaligned-channels", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(cost) = slow::cost(facts) else { return };
    let all = cost.layer_microseconds();
    for layer in &cost.layers {
        let Some(padding) = layer.padding.filter(|padding| padding.saves > 0.05 * all) else { continue };
        let message = format!(
            "layer {}: its channels fill no whole blocks of the kernel; {} input and {} output channels would take {:.2} ms less",
            layer.name,
            padding.inputs,
            padding.outputs,
            padding.saves / 1000.0
        );
        let finding = Finding::new(&RULE, place::of_layer(facts.project, &layer.name), message).about(&layer.name);
        let adds = i64::try_from(padding.adds_bytes).unwrap_or(i64::MAX);
        let help =
            format!("train it with multiples of 16 channels, or add channels of zeros: {} flash", kilobytes(adds));
        findings.push(slow::graded(facts, finding.with_help(help)));
    }
}
