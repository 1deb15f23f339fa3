//! C011

use crate::chip::Scheme;
use crate::graph::edit::Links;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding};
use crate::ops;

rule! {
    /// ## What it does
    /// Reports a layer in `[precision]` at 8 bits between a Conv, Gemm or MatMul at 16 bits and nothing else: a Relu or Clip
    /// that ESP-DL runs inside of that layer. And the reverse: only the Relu or Clip has 16 bits.
    ///
    /// ## Why is this bad?
    /// The two are one operator on the chip. With 8 bits at the first and 16 at the second, the sums are rounded to 8 bits
    /// before the activation, so that the 16 bits store zeros; the other way around, the line has no effect.
    ///
    /// ## Example
    /// ```toml
    /// [precision]
    /// "/act/Relu" = "int16"    # and /stem/Conv before it at 8 bits
    /// ```
    ///
    /// ## What to do
    /// Give both the same precision.
    C011, "split-pair", Warning, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(plan), Some(settings)) = (facts.plan(), facts.settings) else { return };
    let links = Links::of(&plan.graph);
    let wanted = |name: &str| settings.layer_schemes.get(name).copied().unwrap_or(settings.scheme);
    for line in &facts.project.config.precision {
        let Some(id) = plan.graph.node_ids().find(|id| plan.graph.node(*id).name == line.layer.value) else { continue };
        let node = plan.graph.node(id);
        let [before] = links.upstream(node)[..] else { continue };
        let layer = plan.graph.node(before);
        let is_inside = ops::on_chip(&layer.op).is_some_and(|chip| chip.fuses.contains(&node.op.as_str()));
        if !is_inside || links.downstream(layer).len() != 1 {
            continue;
        }
        let (own, before) = (wanted(&node.name), wanted(&layer.name));
        let is_narrow = |scheme: Scheme| scheme.activation_bits() == 8;
        if own == Scheme::Float || before == Scheme::Float || is_narrow(own) == is_narrow(before) {
            continue;
        }
        let (name, first) = (&node.name, &layer.name);
        let message = match is_narrow(own) {
            true => format!("layer {name} runs inside of {first}, which is {before}: {own} has no effect"),
            false => format!("layer {name} is {own}, but {first}, which it runs inside of, is {before}"),
        };
        let help = format!("give both {before}, or both {own}");
        findings.push(Finding::new(&RULE, line.layer.span.clone(), message).about(name).with_help(help));
    }
}
