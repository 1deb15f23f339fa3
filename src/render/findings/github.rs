//! Format of GitHub workflow commands, shown as annotations on changed lines.

use crate::lint::Severity;
use crate::text::{LineIndex, visible, visible_lines};

use super::{Linted, Place, address};

/// Renders one workflow command per finding.
pub fn show(linted: &[Linted]) -> String {
    let mut text = String::new();
    for Linted { project, findings } in linted {
        let lines = LineIndex::new(&project.text);
        for finding in findings {
            let level = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "notice",
            };
            let place = Place::of(&lines, &finding.span);
            let mut message = visible(&finding.message).into_owned();
            for more in finding.help.iter().chain(finding.fixes.first().map(|f| &f.title)) {
                message.push_str(&format!("\n{}", visible_lines(more)));
            }
            text.push_str(&format!(
                "::{level} file={},line={},col={},endLine={},endColumn={},title={}::{}\n",
                property(&address(&project.file)),
                place.line,
                place.column,
                place.end_line,
                place.end_column,
                property(&format!("espq {} {}", finding.code, finding.name)),
                data(&message),
            ));
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
