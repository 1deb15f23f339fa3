//! E009

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Related, place};
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports outputs in which nothing is left of the float network's: an error of at least 90% with a cosine below 0.1.
    ///
    /// Values of less than about 1e-4 can be lost with a small error, too: esp-ppq's ratio adds 1e-7 to the signal's power.
    ///
    /// ## Why is this bad?
    /// Noise that is as large as the signal and does not point its way is no noise any more: all values are 0, or the same for every
    /// sample. Most often a layer before it has a scale that is far too wide or far too narrow for its values.
    ///
    /// ## Example
    /// ```text
    /// nothing is left of output `score`: error 100%, cosine 0.000; layer /head/Mul is the first that loses all
    /// ```
    ///
    /// ## What to do
    /// Look at the layer that the message names: `espq report --statistics` shows its range and saturation. Give it 16 bits or another
    /// observer, or end the network before it.
    E009, "collapsed-output", Error, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(report) = facts.report() else { return };
    let first = report.layers.iter().find(|layer| layer.graphwise.is_some_and(|error| error.is_lost()));
    for output in report.outputs.iter().filter(|o| o.is_judged() && o.error.is_lost()) {
        let figures = output.error;
        let by = first.map(|layer| format!("; layer {} is the first that loses all", layer.name)).unwrap_or_default();
        let (error, cosine) = (percent(figures.nsr), figures.cosine);
        let mut message = format!("nothing is left of output `{}`: error {error}, cosine {cosine:.3}{by}", output.name);
        let mut help = "give the layer 16 bits or another observer; `espq report --statistics` shows its range";
        if figures.is_tiny() {
            let size = figures.mse.sqrt();
            message.push_str(&format!("; its values are about {size:.0e}, too small for a ratio to show it"));
            help = "check that the weights are trained and the samples normalized as in training; scale the output up";
        }
        let mut finding = Finding::new(&RULE, place::of_model(facts.project), message).with_help(help);
        finding.layer = first.map(|layer| layer.name.clone());
        finding.related.extend(first.map(|layer| Related {
            message: format!("{} is the first layer that loses all", layer.name),
            span: None,
            layer: Some(layer.name.clone()),
            is_named: true,
        }));
        findings.push(finding);
    }
}
