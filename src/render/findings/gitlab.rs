//! Code Quality report of GitLab.
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::lint::Severity;
use crate::text::{LineIndex, visible_json};

use super::{Linted, Place, address};

/// Renders one list of all findings.
pub fn show(linted: &[Linted]) -> String {
    let mut issues: Vec<Value> = Vec::new();
    // GitLab drops issues of one fingerprint but for the first.
    let mut seen: HashMap<String, usize> = HashMap::new();
    for Linted { project, findings } in linted {
        let lines = LineIndex::new(&project.text);
        let path = relative(&address(&project.file));
        for finding in findings {
            let identity = format!("{path}\n{}", finding.identity());
            let again = seen.entry(identity.clone()).and_modify(|n| *n += 1).or_insert(0);
            let place = Place::of(&lines, &finding.span);
            issues.push(json!({
                "description": format!("{} {}", finding.code, finding.message),
                "check_name": finding.code,
                "fingerprint": fingerprint(&identity, *again),
                "severity": match finding.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                    Severity::Info => "info",
                },
                "location": {
                    "path": path,
                    "lines": { "begin": place.line, "end": place.end_line },
                    "positions": {
                        "begin": { "line": place.line, "column": place.column },
                        "end": { "line": place.end_line, "column": place.end_column },
                    },
                },
            }));
        }
    }
    visible_json(&format!("{:#}\n", Value::from(issues)))
}

/// Returns the path as GitLab wants it: relative to the repository, without `./`.
fn relative(path: &str) -> String {
    path.trim_start_matches("./").to_string()
}

/// Hashes the words by which an issue is recognized; the same in every run.
fn fingerprint(identity: &str, again: usize) -> String {
    blake3::hash(format!("{again} {identity}").as_bytes()).to_hex().chars().take(32).collect()
}
