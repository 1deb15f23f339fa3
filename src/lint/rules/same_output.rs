//! C007

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports two configurations in one folder that are exported to the same file.
    ///
    /// ## Why is this bad?
    /// The file on disk is that of the last export, whichever project it was: the application may then load a model for
    /// another chip, or with other precisions.
    ///
    /// ## Example
    /// ```text
    /// `espq export` writes the same file as for board.espq.toml
    /// ```
    ///
    /// ## What to do
    /// Give one of them a name of its own: `name` in `[export]`. Without it, `p4.espq.toml` is exported to `p4.espdl`, and
    /// `espq.toml` to the name of its model.
    C007, "same-output", Error, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(other) = facts.same_output else { return };
    let name = other.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let message = format!("`espq export` writes the same file as for {name}");
    let span = place::of_key(facts.project, "export.name");
    findings.push(Finding::new(&RULE, span, message).with_help("set another `name` in [export]"));
}
