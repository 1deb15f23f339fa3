//! Format with one line per finding: `file:line:column: CODE message`.

use super::super::terminal::Terminal;
use crate::text::LineIndex;

use super::{Linted, Place, file, line};

/// Renders one line per finding.
pub fn show(linted: &[Linted], terminal: &Terminal) -> String {
    let mut text = String::new();
    for Linted { project, findings } in linted {
        let lines = LineIndex::new(&project.text);
        let name = file(&project.file);
        for finding in findings {
            let Place { line: number, column, .. } = Place::of(&lines, &finding.span);
            text.push_str(&format!("{name}:{number}:{column}: {}\n", line(finding, terminal)));
        }
    }
    text
}
