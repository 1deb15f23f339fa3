//! Format with one line per finding: `file:line:column: CODE message`.

use super::super::terminal::{Style, Terminal};
use crate::lint::Severity;
use crate::text::LineIndex;

use super::{Linted, Place, file, summary};

/// Renders one line per finding, and the count.
pub fn show(linted: &[Linted], terminal: &Terminal) -> String {
    let mut text = String::new();
    for Linted { project, findings } in linted {
        let lines = LineIndex::new(&project.text);
        for finding in findings {
            let Place { line, column, .. } = Place::of(&lines, &finding.span);
            let style = if finding.severity == Severity::Error { Style::Bad } else { Style::Warning };
            let code = terminal.paint(style, &finding.code);
            let fix = finding.fixes.first().map(|f| format!(" [{}]", f.title)).unwrap_or_default();
            text.push_str(&format!("{}:{line}:{column}: {code} {}{fix}\n", file(&project.file), finding.message));
        }
    }
    text + &summary(linted)
}
