//! C008

use crate::lint::rule::{rule, unknown};
use crate::lint::{Facts, Finding};

rule! {
    /// ## What it does
    /// Reports `# espq: ignore[CODE]` comments that leave nothing out: no finding of the rule is on the line, the rule does
    /// not exist, or the comment names no rule.
    ///
    /// ## Why is this bad?
    /// The issue was solved, or the line has moved. The comment would hide the next issue of its kind.
    ///
    /// ## Example
    /// ```toml
    /// [precision]
    /// "/stem/Conv" = "int16"    # espq: ignore[C006] the name is right now
    /// ```
    ///
    /// ## What to do
    /// Remove the comment, or the code; `--fix` does. A comment counts for findings on its own line, and alone on a line for
    /// the next one. Codes, names and beginnings of codes are allowed: `ignore[E002, D] reason`. Whether rules that run the
    /// network have findings is only known when it has run, so `--static` does not report their comments.
    C008, "unused-ignore", Warning, Text
}

/// Reports comments that name no rule. Unused ones are known after all rules have run.
fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    for ignore in &facts.project.ignores {
        let named = ignore.rules.as_deref().unwrap_or_default();
        if named.is_empty() {
            let finding = Finding::new(&RULE, ignore.span.clone(), "the comment names no rule to ignore");
            findings.push(finding.with_help("write `# espq: ignore[E002] reason`; `espq explain` lists all rules"));
        }
        for rule in named {
            if let Some(error) = unknown(&rule.value) {
                let finding = Finding::new(&RULE, rule.span.clone(), error.what());
                findings.push(finding.with_help(error.help().unwrap_or_default()));
            }
        }
    }
}
