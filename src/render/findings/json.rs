//! Findings as they are, with lines and columns beside their bytes.

use serde::Serialize;

use crate::lint::{Finding, Related, Safety, Severity};

use super::{Linted, Place, file};

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

/// One list of all findings.
pub fn show(linted: &[Linted]) -> String {
    let shown: Vec<Shown> = linted.iter().flat_map(|l| l.findings.iter().map(|f| shown(l, f))).collect();
    // Plain structs with text keys always have a JSON form.
    serde_json::to_string_pretty(&shown).unwrap_or_default() + "\n"
}

fn shown<'a>(linted: &'a Linted, finding: &'a Finding) -> Shown<'a> {
    let text = &linted.project.text;
    let beside = |r: &'a Related| Beside {
        message: &r.message,
        place: r.span.as_ref().map(|s| Place::of(text, s)),
        layer: r.layer.as_deref(),
    };
    let fixes = finding.fixes.iter().map(|fix| Mending {
        title: &fix.title,
        safety: fix.safety,
        edits: fix.edits.iter().map(|e| Replaced { place: Place::of(text, &e.span), text: &e.text }).collect(),
    });
    Shown {
        file: file(&linted.project.file),
        place: Place::of(text, &finding.span),
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
