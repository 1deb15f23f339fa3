//! E006

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports outputs over their limit whose error is small before the Softmax or Sigmoid that ends in them.
    ///
    /// ## Why is this bad?
    /// The ratio behind a Softmax says little: where the largest probability is near 1, all others are near 0, and a small
    /// change of the logits moves them by their own size. 16 bits for the layers before may not lower it.
    ///
    /// ## Example
    /// ```text
    /// Softmax makes 23.2% of output `probabilities` out of 2.6% before it
    /// ```
    ///
    /// ## What to do
    /// Judge the network by the error before the Softmax, which the report shows, or by its decisions. Export it without the
    /// Softmax, which the application computes in float, or raise `limits.output-nsr`.
    E006, "end-amplifies", Warning, Figures
}

/// Factor from which an error is made by the end.
const FACTOR: f64 = 4.0;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(report), config) = (facts.report(), &facts.project.config) else { return };
    let limit = config.output_limit();
    for output in report.outputs.iter().filter(|output| output.is_over(limit)) {
        let Some(before) = output.before.as_ref().filter(|before| before.error.nsr <= limit) else { continue };
        if output.error.nsr < FACTOR * before.error.nsr {
            continue;
        }
        let (op, now, then) = (&before.op, percent(output.error.nsr), percent(before.error.nsr));
        let message = format!("{op} makes {now} of output `{}` out of {then} before it", output.name);
        let help = format!("judge the network by the error before its {op}; 16 bits may not lower the one behind it");
        findings
            .push(Finding::new(&RULE, place::of_model(facts.project), message).about(&before.layer).with_help(help));
    }
}
