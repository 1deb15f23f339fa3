//! Format with the configuration line of each finding.

use super::super::diagnostics::Diagnostics;
use super::super::terminal::Terminal;

use super::{Linted, summary};

/// Renders every finding with its line, and the count.
pub fn show(linted: &[Linted], terminal: &Terminal) -> String {
    let diagnostics = Diagnostics::new(terminal);
    let mut text = String::new();
    for Linted { project, findings } in linted {
        for finding in findings {
            text.push_str(&diagnostics.finding(finding, project));
            text.push('\n');
        }
    }
    text + &summary(linted)
}
