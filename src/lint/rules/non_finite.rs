//! S004

use crate::analysis::mask_of;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, mask, place};
use crate::{Error, Kind};

rule! {
    /// ## What it does
    /// Reports infinite numbers and NaN in samples, and in the values that the network computes from them.
    ///
    /// ## Why is this bad?
    /// One such number affects every histogram downstream and makes scales meaningless. Integers have no NaN, so the
    /// chip computes different values.
    ///
    /// ## Example
    /// ```text
    /// sample 3: element 17 is NaN, not a finite number
    /// ```
    ///
    /// ## What to do
    /// Fix the sample. If a layer is named, look for a division by zero, a logarithm of zero or an overflow in this
    /// layer or before it. An attention mask of -inf is named as such: write -32 in its place.
    S004, "non-finite", Error, Figures
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let of = |e: Option<&Error>| e.filter(|e| e.kind() == Kind::NotFinite).cloned();
    let errors = [of(facts.samples.and_then(Result::err)), of(facts.report.and_then(Result::err))];
    for error in errors.into_iter().flatten() {
        let span = place::of_error(facts.project, &error, "calibration.data");
        let mut finding = Finding::new(&RULE, span, place::sentence(&error));
        let mask = facts.model().and_then(|model| {
            let node = model.graph.nodes.iter().find(|node| error.layer() == Some(node.name.as_str()))?;
            mask_of(&model.graph, node)
        });
        finding.help = mask.as_ref().map(mask::help).or_else(|| error.help().map(str::to_string));
        finding.layer = error.layer().map(str::to_string);
        findings.push(finding);
    }
}
