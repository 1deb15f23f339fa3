//! Format with the findings of each file under its name.

use super::super::terminal::{Style, Terminal};
use crate::text::LineIndex;

use super::{Linted, Place, file, line};

/// Renders each file's name, and its findings below it.
pub fn show(linted: &[Linted], terminal: &Terminal) -> String {
    let mut text = String::new();
    for Linted { project, findings } in linted.iter().filter(|one| !one.findings.is_empty()) {
        let lines = LineIndex::new(&project.text);
        text.push_str(&format!("{}:\n", terminal.paint(Style::Title, &file(&project.file))));
        let places: Vec<String> = findings
            .iter()
            .map(|finding| Place::of(&lines, &finding.span))
            .map(|place| format!("{}:{}", place.line, place.column))
            .collect();
        let width = places.iter().map(String::len).max().unwrap_or(0);
        for (place, finding) in places.iter().zip(findings) {
            text.push_str(&format!("  {place:<width$} {}\n", line(finding, terminal)));
        }
        text.push('\n');
    }
    text
}
