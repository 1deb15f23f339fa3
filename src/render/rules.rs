//! Documentation of lint rules, as Markdown.

use serde_json::{Value, json};

use crate::lint::{RULES, Rule, Severity};

/// Renders one rule for `espq explain`.
pub fn rule(rule: &Rule) -> String {
    format!("# {} {}\n\n{}", rule.code, rule.name, doc(rule))
}

/// Renders one rule as JSON.
pub fn json(rule: &Rule) -> String {
    format!("{:#}\n", described(rule))
}

/// Renders a list of all rules as JSON.
pub fn all_json() -> String {
    format!("{:#}\n", RULES.iter().map(|rule| described(rule)).collect::<Value>())
}

fn described(rule: &Rule) -> Value {
    json!({
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "needs": rule.needs,
        "summary": summary(rule).replace("\\|", "|"),
        "explanation": doc(rule),
    })
}

/// Renders the page of all rules, docs/rules.md.
pub fn page() -> String {
    let mut page = "# Rules\n\n\
        The rules of `espq lint` and the editor. `espq explain CODE` prints one rule; `select` and `ignore` in `[lint]` choose rules.\n\
        Generated from the rules' doc comments by `cargo xtask gen`.\n\n\
        | code | name | severity | |\n| --- | --- | --- | --- |\n"
        .to_string();
    for rule in RULES {
        let anchor = format!("#{}-{}", rule.code.to_lowercase(), rule.name);
        let severity = severity(rule.severity);
        page += &format!("| [{}]({anchor}) | {} | {severity} | {} |\n", rule.code, rule.name, summary(rule));
    }
    for rule in RULES {
        let doc = doc(rule).replace("\n## ", "\n### ");
        page += &format!("\n## {} {}\n\n#{}", rule.code, rule.name, doc.trim_end());
        page.push('\n');
    }
    page
}

/// Returns the doc comment without the leading space of each line.
fn doc(rule: &Rule) -> String {
    rule.doc.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// Returns the paragraph under "What it does" as one line.
fn summary(rule: &Rule) -> String {
    let doc = doc(rule);
    let paragraph = doc.lines().skip(1).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
