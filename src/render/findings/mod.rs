//! Formats of findings, one per file.

mod concise;
mod full;
mod github;
mod json;
mod sarif;

use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use crate::lint::{Finding, Safety};
use crate::project::Project;
use crate::text::units::count;
use crate::text::{Encoding, LineIndex, Span};

use super::terminal::Terminal;

/// Format of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The configuration line of each finding
    Full,
    /// One line per finding
    Concise,
    /// Every finding with its fixes, for a script
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations in a GitHub workflow
    Github,
}

impl Form {
    /// Returns `true` for formats read by people, which may be surrounded by other output, and `false` for those that
    /// programs parse.
    pub fn is_for_people(self) -> bool {
        matches!(self, Form::Full | Form::Concise)
    }
}

/// Project with its findings.
pub struct Linted {
    /// Project that the spans refer to.
    pub project: Project,
    /// Findings in the order of the text.
    pub findings: Vec<Finding>,
}

/// Renders the findings of all projects.
pub fn show(linted: &[Linted], form: Form, terminal: &Terminal) -> String {
    match form {
        Form::Full => full::show(linted, terminal),
        Form::Concise => concise::show(linted, terminal),
        Form::Json => json::show(linted),
        Form::Sarif => sarif::show(linted),
        Form::Github => github::show(linted),
    }
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

/// Summary line: "Found 2 issues in espq.toml (1 fixable with `--fix`)".
fn summary(linted: &[Linted]) -> String {
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
        return format!("Found no issues in {place}\n");
    }
    let fixes = match (safe, unsafe_) {
        (0, 0) => String::new(),
        (s, 0) => format!(" ({s} fixable with `--fix`)"),
        (0, u) => format!(" ({u} fixable with `--unsafe-fixes`)"),
        (s, u) => format!(" ({s} fixable with `--fix`, {u} more with `--unsafe-fixes`)"),
    };
    format!("Found {} in {place}{fixes}\n", count(total, "issue"))
}

/// Path as the user wrote it, with forward slashes.
fn file(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
