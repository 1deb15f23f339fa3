//! Findings as the client's diagnostics.

use lsp_types::{Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Url};

use crate::lint::{Finding, Severity};

use super::position::Places;

/// Converts a finding, with the locations of related lines if the client shows them.
pub fn diagnostic(finding: &Finding, places: &Places, uri: &Url, related: bool) -> Diagnostic {
    let others = finding.related.iter().filter_map(|other| {
        let location = Location { uri: uri.clone(), range: places.visible(other.span.as_ref()?) };
        Some(DiagnosticRelatedInformation { location, message: other.message.clone() })
    });
    let others: Vec<_> = others.collect();
    Diagnostic {
        range: places.visible(&finding.span),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(finding.code.to_string())),
        source: Some("espq".to_string()),
        message: match &finding.help {
            Some(help) => format!("{}\nhelp: {help}", finding.message),
            None => finding.message.clone(),
        },
        related_information: (related && !others.is_empty()).then_some(others),
        ..Diagnostic::default()
    }
}
