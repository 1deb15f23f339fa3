//! X002

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports an exported `.espdl` file that was made for another chip than `model.target`.
    ///
    /// ## Why is this bad?
    /// Weights are packed for the vector instructions of one chip, and rounding differs. Another chip loads the file and computes wrong
    /// values.
    ///
    /// ## Example
    /// ```text
    /// model.espdl is for esp32s3, and the target is esp32p4
    /// ```
    ///
    /// ## What to do
    /// Run `espq export` again. For several chips write one configuration each, `p4.espq.toml` and `s3.espq.toml`, which are exported
    /// to files of their own names.
    X002, "other-target", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(exported) = facts.exported.filter(|exported| exported.is_for_other_target()) else { return };
    let message = format!("{} is for {}, and the target is {}", exported.name, exported.target, exported.wanted);
    let help = "run `espq export` again; a configuration for each chip, as p4.espq.toml, is exported to its own file";
    findings.push(Finding::new(&RULE, place::of_key(facts.project, "model.target"), message).with_help(help));
}
