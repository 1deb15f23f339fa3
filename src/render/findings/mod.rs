//! Formats of findings, one per file.

mod concise;
mod full;
mod github;
mod gitlab;
mod grouped;
mod json;
mod junit;
mod sarif;
mod statistics;

use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use crate::lint::{Finding, Safety, Severity};
use crate::project::Project;
use crate::text::units::count;
use crate::text::{Encoding, LineIndex, Span, visible};

use super::terminal::{Style, Terminal};

pub use statistics::statistics;

/// Format of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The configuration line of each finding
    Full,
    /// One line per finding
    Concise,
    /// One line per finding, under the name of its file
    Grouped,
    /// Every finding with its fixes, for a script
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations in a GitHub workflow
    Github,
    /// Code Quality report of GitLab
    Gitlab,
    /// JUnit XML, for CI servers that show test results
    Junit,
}

impl Form {
    /// Returns `true` for formats read by people, which may be surrounded by other output, and `false` for those that
    /// programs parse.
    pub fn is_for_people(self) -> bool {
        matches!(self, Form::Full | Form::Concise | Form::Grouped)
    }
}

/// Project with its findings.
pub struct Linted {
    /// Project that the spans refer to.
    pub project: Project,
    /// Findings in the order of the text.
    pub findings: Vec<Finding>,
}

/// Renders the findings of all projects. Formats for people end without a summary.
pub fn show(linted: &[Linted], form: Form, terminal: &Terminal) -> String {
    match form {
        Form::Full => full::show(linted, terminal),
        Form::Concise => concise::show(linted, terminal),
        Form::Grouped => grouped::show(linted, terminal),
        Form::Json => json::show(linted),
        Form::Sarif => sarif::show(linted),
        Form::Github => github::show(linted),
        Form::Gitlab => gitlab::show(linted),
        Form::Junit => junit::show(linted),
    }
}

/// Renders a finding on one line, without its place.
fn line(finding: &Finding, terminal: &Terminal) -> String {
    let style = if finding.severity == Severity::Error { Style::Bad } else { Style::Warning };
    let fix = finding.fixes.first().map(|fix| format!(" [{}]", fix.title)).unwrap_or_default();
    format!("{} {}", terminal.paint(style, &finding.code), visible(&format!("{}{fix}", finding.message)))
}

/// First and last line and column, from 1. Columns count characters, and the last one is after the span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Place {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

impl Place {
    fn of(lines: &LineIndex, span: &Span) -> Place {
        let [start, end] = [span.start, span.end].map(|byte| lines.position(byte, Encoding::Utf32));
        Place { line: start.line + 1, column: start.column + 1, end_line: end.line + 1, end_column: end.column + 1 }
    }
}

/// Returns the summary line: "Found 2 issues in espq.toml (1 fixable with `--fix`)". `known` counts those that a baseline has.
pub fn summary(linted: &[Linted], known: usize) -> String {
    let known = if known == 0 { String::new() } else { format!("; {known} more are in the baseline") };
    let total: usize = linted.iter().map(|l| l.findings.len()).sum();
    let findings = linted.iter().flat_map(|l| &l.findings);
    let (mut safe, mut unsafe_) = (0, 0);
    for finding in findings {
        match finding.fixes.iter().map(|f| f.safety).find(|s| *s == Safety::Safe) {
            Some(_) => safe += 1,
            None if !finding.fixes.is_empty() => unsafe_ += 1,
            None => {}
        }
    }
    let place = match linted {
        [] => return "No espq.toml refers to these files\n".to_string(),
        [one] => file(&one.project.file),
        many => format!("{} projects", many.len()),
    };
    if total == 0 {
        return format!("Found no issues in {place}{known}\n");
    }
    let fixes = match (safe, unsafe_) {
        (0, 0) => String::new(),
        (s, 0) => format!(" ({s} fixable with `--fix`)"),
        (0, u) => format!(" ({u} fixable with `--unsafe-fixes`)"),
        (s, u) => format!(" ({s} fixable with `--fix`, {u} more with `--unsafe-fixes`)"),
    };
    format!("Found {} in {place}{fixes}{known}\n", count(total, "issue"))
}

/// Path as people see it: without control characters.
fn file(path: &Path) -> String {
    visible(&address(path)).into_owned()
}

/// Path as the user wrote it, with forward slashes: for formats that have an encoding of their own for control characters, and whose
/// readers open the file. Elsewhere than on Windows, a backslash is a part of a name.
fn address(path: &Path) -> String {
    let path = path.to_string_lossy();
    if cfg!(windows) { path.replace('\\', "/") } else { path.into_owned() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn every_format_for_programs_has_a_path_that_opens_the_file() {
        let project = Project::parse("a\nb\\c/espq.toml", "");
        let findings = vec![Finding::new(crate::lint::RULES[0], 0..0, "is wrong")];
        let linted = [Linted { project, findings }];
        let shown = |form| show(&linted, form, &Terminal { width: None, color: false });
        let parsed = |form| serde_json::from_str::<serde_json::Value>(&shown(form)).unwrap();
        let path = "a\nb\\c/espq.toml";
        assert_eq!(parsed(Form::Json)[0]["file"], path);
        assert_eq!(parsed(Form::Gitlab)[0]["location"]["path"], path);
        let sarif = &parsed(Form::Sarif)["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(sarif["artifactLocation"]["uri"], "a%0Ab%5Cc/espq.toml");
        assert!(shown(Form::Github).contains("file=a%0Ab\\c/espq.toml,"));
        // For people, on one line.
        assert!(shown(Form::Concise).starts_with("a\\nb\\c/espq.toml:1:1:"));
    }
}
