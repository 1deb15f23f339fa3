//! P006

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place, slow};
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports Transposes that take more than a tenth of the network's time.
    ///
    /// It looks at networks that exceed `limits.latency`; without that limit, at those over 20 ms, and only informs.
    ///
    /// ## Why is this bad?
    /// ESP-DL moves one element after the other through vectors of indices: some 150 to 250 cycles for each, hundreds of times
    /// those of a product.
    ///
    /// ## Example
    /// ```text
    /// layer /attention/Transpose: it moves 64000 elements one by one and takes 29% of the network's time
    /// ```
    ///
    /// ## What to do
    /// Cut the model before a Transpose at its end, and read the output in the other order. Within the network, choose an order
    /// of axes that needs none: ESP-DL's convolutions have channels last.
    P006, "slow-transpose", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(cost) = slow::cost(facts) else { return };
    for (layer, share) in slow::layers(cost, slow::SHARE).filter(|(layer, _)| layer.op == "Transpose") {
        let elements = layer.work.of(crate::cost::Term::Transposed);
        let message = format!(
            "layer {}: it moves {elements} elements one by one and takes {} of the network's time",
            layer.name,
            percent(share)
        );
        let finding = Finding::new(&RULE, place::of_layer(facts.project, &layer.name), message).about(&layer.name);
        let help = "cut the model before it and read the output in the other order, or choose an order of axes that needs none";
        findings.push(slow::graded(facts, finding.with_help(help)));
    }
}
