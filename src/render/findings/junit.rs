//! JUnit XML, which most CI servers show as test results: a suite for each project, a case for each finding, and one
//! that passes for a project without any.
//! <https://github.com/testmoapp/junitxml>

use crate::lint::Finding;
use crate::text::{LineIndex, visible};

use super::{Linted, Place, file};

/// Renders the whole document.
pub fn show(linted: &[Linted]) -> String {
    let suites: String = linted.iter().map(suite).collect();
    let tests: usize = linted.iter().map(|one| one.findings.len().max(1)).sum();
    let failures: usize = linted.iter().map(|one| one.findings.len()).sum();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"espq lint\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{suites}</testsuites>\n"
    )
}

fn suite(Linted { project, findings }: &Linted) -> String {
    let lines = LineIndex::new(&project.text);
    let name = escaped(&file(&project.file));
    let cases: String = match findings.is_empty() {
        true => format!("    <testcase name=\"espq lint\" classname=\"{name}\"/>\n"),
        false => findings.iter().map(|finding| case(&name, &lines, finding)).collect(),
    };
    let (tests, failures) = (findings.len().max(1), findings.len());
    format!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n\
         {cases}  </testsuite>\n"
    )
}

fn case(file: &str, lines: &LineIndex, finding: &Finding) -> String {
    let place = Place::of(lines, &finding.span);
    let (line, column) = (place.line, place.column);
    let about = finding.layer.as_ref().map(|layer| format!(" {layer}")).unwrap_or_default();
    let name = escaped(&format!("{} {}{about}", finding.code, finding.name));
    let message = escaped(&finding.message);
    let more: Vec<String> =
        finding.help.iter().chain(finding.fixes.first().map(|fix| &fix.title)).map(|t| escaped(t)).collect();
    let body = std::iter::once(format!("{file}:{line}:{column}: {message}")).chain(more).collect::<Vec<_>>().join("\n");
    format!(
        "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\">\n      \
         <failure type=\"{}\" message=\"{message}\">{body}</failure>\n    </testcase>\n",
        finding.code
    )
}

/// Escapes a text for XML, which has no form at all for most control characters.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '&' => xml.push_str("&amp;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}
