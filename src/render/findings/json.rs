//! JSON format: findings with lines and columns beside their byte spans.

use serde::Serialize;

use crate::lint::{Finding, Related, Safety, Severity};
use crate::text::{LineIndex, visible_json};

use super::{Linted, Place, address};

#[derive(Serialize)]
struct Shown<'a> {
    file: String,
    #[serde(flatten)]
    place: Place,
    code: &'a str,
    name: &'a str,
    severity: Severity,
    message: &'a str,
    layer: Option<&'a str>,
    help: Option<&'a str>,
    related: Vec<Beside<'a>>,
    fixes: Vec<Mending<'a>>,
}

#[derive(Serialize)]
struct Beside<'a> {
    message: &'a str,
    place: Option<Place>,
    layer: Option<&'a str>,
}

#[derive(Serialize)]
struct Mending<'a> {
    title: &'a str,
    safety: Safety,
    edits: Vec<Replaced<'a>>,
}

#[derive(Serialize)]
struct Replaced<'a> {
    #[serde(flatten)]
    place: Place,
    text: &'a str,
}

/// Renders one list of all findings.
pub fn show(linted: &[Linted]) -> String {
    let mut shown: Vec<Shown> = Vec::new();
    for Linted { project, findings } in linted {
        let lines = LineIndex::new(&project.text);
        shown.extend(findings.iter().map(|finding| one(&address(&project.file), &lines, finding)));
    }
    // Plain structs with text keys always have a JSON form.
    visible_json(&serde_json::to_string_pretty(&shown).unwrap_or_default()) + "\n"
}

fn one<'a>(file: &str, lines: &LineIndex, finding: &'a Finding) -> Shown<'a> {
    let beside = |r: &'a Related| Beside {
        message: &r.message,
        place: r.span.as_ref().map(|s| Place::of(lines, s)),
        layer: r.layer.as_deref(),
    };
    let fixes = finding.fixes.iter().map(|fix| Mending {
        title: &fix.title,
        safety: fix.safety,
        edits: fix.edits.iter().map(|e| Replaced { place: Place::of(lines, &e.span), text: &e.text }).collect(),
    });
    Shown {
        file: file.to_string(),
        place: Place::of(lines, &finding.span),
        code: &finding.code,
        name: &finding.name,
        severity: finding.severity,
        message: &finding.message,
        layer: finding.layer.as_deref(),
        help: finding.help.as_deref(),
        related: finding.related.iter().map(beside).collect(),
        fixes: fixes.collect(),
    }
}
