//! Format with the configuration line of each finding.

use rayon::prelude::*;

use super::super::diagnostics::Diagnostics;
use super::super::frame::Source;
use super::super::terminal::Terminal;

use super::Linted;

/// Renders every finding with its line.
pub fn show(linted: &[Linted], terminal: &Terminal) -> String {
    let diagnostics = Diagnostics::new(terminal);
    let mut text = String::new();
    for Linted { project, findings } in linted {
        let source = Source::of(project);
        let shown: Vec<String> =
            findings.par_iter().map(|finding| diagnostics.finding(finding, &source) + "\n").collect();
        text.extend(shown);
    }
    text
}
