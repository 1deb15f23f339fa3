//! SARIF 2.1.0, which code-scanning services read.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};

use crate::lint::{Finding, Fix, RULES, Rule, Severity};
use crate::text::{LineIndex, Span, visible_json};

use super::{Linted, Place, address};

/// Renders one SARIF run with the rules and their findings.
pub fn show(linted: &[Linted]) -> String {
    let rules: Vec<Value> = RULES.iter().map(|r| rule(r)).collect();
    let mut results: Vec<Value> = Vec::new();
    for Linted { project, findings } in linted {
        let lines = LineIndex::new(&project.text);
        let artifact = json!({ "uri": uri(&address(&project.file)) });
        results.extend(findings.iter().map(|finding| result(&artifact, &lines, finding)));
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "espq", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    visible_json(&format!("{log:#}\n"))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn rule(rule: &Rule) -> Value {
    let doc: Vec<&str> = rule.doc.lines().map(|l| l.strip_prefix(' ').unwrap_or(l)).collect();
    let first: Vec<&str> = doc.iter().copied().skip(1).take_while(|l| !l.is_empty()).collect();
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": first.join(" ") },
        "help": { "text": doc.join("\n"), "markdown": doc.join("\n") },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(artifact: &Value, lines: &LineIndex, finding: &Finding) -> Value {
    let at = |span: &Span| json!({ "artifactLocation": artifact, "region": region(lines, span) });
    let related: Vec<Value> = finding
        .related
        .iter()
        .map(|r| {
            let place = r.span.as_ref().unwrap_or(&finding.span);
            json!({ "physicalLocation": at(place), "message": { "text": r.message } })
        })
        .collect();
    let message = match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    };
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": [{ "physicalLocation": at(&finding.span) }],
        "relatedLocations": related,
        "fixes": finding.fixes.iter().map(|f| fix(lines, artifact, f)).collect::<Vec<_>>(),
    });
    if let Some(index) = RULES.iter().position(|r| r.code == finding.code) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(layer) = &finding.layer {
        let logical = json!([{ "name": layer, "kind": "module" }]);
        result["locations"][0]["logicalLocations"] = logical;
    }
    result
}

fn fix(lines: &LineIndex, artifact: &Value, fix: &Fix) -> Value {
    let replacements: Vec<Value> = fix
        .edits
        .iter()
        .map(|e| json!({ "deletedRegion": region(lines, &e.span), "insertedContent": { "text": e.text } }))
        .collect();
    json!({
        "description": { "text": fix.title },
        "artifactChanges": [{ "artifactLocation": artifact, "replacements": replacements }],
    })
}

fn region(lines: &LineIndex, span: &Span) -> Value {
    let place = Place::of(lines, span);
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
        "byteOffset": span.start,
        "byteLength": span.len(),
    })
}

/// Converts a path to a URI reference: characters that RFC 3986 reserves are percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    match uri.starts_with('/') {
        true => format!("file://{uri}"),
        false => uri,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_uri_opens_the_file_whatever_its_name() {
        let of = |path: &str| uri(&address(Path::new(path)));
        assert_eq!(of("a b/ü\n/espq.toml"), "a%20b/%C3%BC%0A/espq.toml");
        assert_eq!(of("/nets/espq.toml"), "file:///nets/espq.toml");
    }
}
