//! Format with the configuration line of each finding.

use super::super::diagnostics::Diagnostics;
use super::super::frame::Source;
use super::super::terminal::Terminal;

use super::Linted;
use crate::parallel;

/// Renders every finding with its line.
pub fn show(linted: &[Linted], terminal: &Terminal) -> String {
    let diagnostics = Diagnostics::new(terminal);
    let mut text = String::new();
    for Linted { project, findings } in linted {
        let source = Source::of(project);
        text.extend(parallel::map(findings.len(), |index| diagnostics.finding(&findings[index], &source) + "\n"));
    }
    text
}
