//! X001

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports an exported `.espdl` file that was made from another model, other samples or other settings than those of today.
    /// Comments and limits do not count. Files of other tools, and encrypted ones, are passed over.
    ///
    /// ## Why is this bad?
    /// The firmware runs a network other than the one that lint and report speak of.
    ///
    /// ## Example
    /// ```text
    /// model.espdl was exported before the settings changed
    /// ```
    ///
    /// ## What to do
    /// Run `espq export` again, or remove the file.
    X001, "stale-export", Warning, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(exported) = facts.exported else { return };
    let Some(changed) = exported.changed.filter(|_| !exported.is_for_other_target()) else { return };
    let message = format!("{} was exported before {changed} changed", exported.name);
    let help = "run `espq export` again: the firmware would run the network of before";
    findings.push(Finding::new(&RULE, place::of_key(facts.project, "model.path"), message).with_help(help));
}
