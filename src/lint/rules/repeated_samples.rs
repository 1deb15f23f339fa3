//! S005

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::count;

rule! {
    /// ## What it does
    /// Reports samples that are equal to an earlier one in every element.
    ///
    /// ## Why is this bad?
    /// A range observed in one sample ten times is that of one sample. The error over copies has no spread, so its standard
    /// error is too small.
    ///
    /// ## Example
    /// ```text
    /// 12 of 32 samples are copies of others: sample 1 and sample 0 are equal
    /// ```
    ///
    /// ## What to do
    /// Remove the copies, or find out why a script has written the same array several times.
    S005, "repeated-samples", Warning, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(seen) = facts.sample_facts else { return };
    let Some(&(copy, first)) = seen.copies.first() else { return };
    let samples = count(seen.count, "sample");
    let (copies, verb) = match seen.copies.len() {
        1 => ("1".to_string(), "is a copy of another"),
        n => (n.to_string(), "are copies of others"),
    };
    let message = format!("{copies} of {samples} {verb}: sample {copy} and sample {first} are equal");
    let help = "calibrate with different samples; remove the copies";
    findings.push(Finding::new(&RULE, place::of_key(facts.project, "calibration.data"), message).with_help(help));
}
