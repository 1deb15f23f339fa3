//! Findings of projects, one form a file.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// With the line that each finding is about
    Full,
    /// One line a finding
    Concise,
    /// Every finding with its fixes, for a script
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations in a GitHub workflow
    Github,
}

impl Form {
    pub fn is_for_people(self) -> bool {
        matches!(self, Form::Full | Form::Concise)
    }
}

/// A project and what was found in it.
pub struct Linted {
    pub project: Project,
    pub findings: Vec<Finding>,
}

pub fn show(linted: &[Linted], form: Form, terminal: &Terminal) -> String {
    match form {
        Form::Full => full::show(linted, terminal),
        Form::Concise => concise::show(linted, terminal),
        Form::Json => json::show(linted),
        Form::Sarif => sarif::show(linted),
        Form::Github => github::show(linted),
    }
}

/// First and last line and column, from 1. Columns count characters, and the last is behind the span.
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

/// "2 findings in espq.toml; --fix mends 1"
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
        [] => return "No project reads these files\n".to_string(),
        [one] => file(&one.project.file),
        many => format!("{} projects", many.len()),
    };
    if total == 0 {
        return format!("No findings in {place}\n");
    }
    let fixes = match (safe, unsafe_) {
        (0, 0) => String::new(),
        (s, 0) => format!("; --fix mends {s}"),
        (0, u) => format!("; --unsafe-fixes mends {u}"),
        (s, u) => format!("; --fix mends {s}, --unsafe-fixes {u} more"),
    };
    format!("{} in {place}{fixes}\n", count(total, "finding"))
}

/// As the user wrote it, with forward slashes.
fn file(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
